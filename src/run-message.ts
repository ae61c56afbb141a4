/** The one rich line that says how a run ended. Pure. */
import { oneLine, shortened } from './base/one-line.js';
import type { RunPlan } from './plan/run-plan.js';
import type { CapturedStream, LastLog, Reason } from './result.js';
import type { Verdict } from './execute/verdict.js';

/** What the line is made of. */
export interface MessageSubject {
  readonly verdict: Verdict;
  readonly plan: RunPlan;
  readonly containerName: string | null;
  readonly stdout: CapturedStream;
  readonly stderr: CapturedStream;
  readonly lastLog: LastLog | null;
  /** Outputs that are missing or were refused. */
  readonly outputs: readonly string[];
  /** Takes out secrets: before anything is shortened, which would leave the half of one, or escaped. */
  readonly redact: (text: string) => string;
}

const LAST_LINE_CHARS = 240;

/** For example `Docker job exited with code 3 (image: …, container: …, command: …, last stderr: …)`. */
export function describeEnd(subject: MessageSubject): string {
  const { plan, containerName, stdout, stderr, lastLog, redact } = subject;
  const brief = (text: string): string => shortened(oneLine(redact(text)), LAST_LINE_CHARS);
  const argv = [...(plan.container.entryPoint ?? []), ...(plan.container.command ?? [])].join(' ');
  const details = [`image: ${plan.image.reference}`];
  if (containerName !== null) details.push(`container: ${containerName}`);
  if (argv !== '') details.push(`command: ${brief(argv)}`);
  details.push(`timeoutMs: ${String(plan.timeouts.runMs)}`);
  if (stdout.droppedChars + stderr.droppedChars > 0) {
    details.push(`truncated: stdout=${String(stdout.droppedChars)}, stderr=${String(stderr.droppedChars)}`);
  }
  if (lastLog !== null) details.push(`last ${lastLog.source}: ${brief(lastLog.line)}`);
  return oneLine(redact(`Docker job ${phrase(subject)} (${details.join(', ')})`));
}

function phrase({ verdict, plan, outputs }: MessageSubject): string {
  const code = verdict.exitCode === null ? '' : ` with code ${String(verdict.exitCode)}`;
  const why = verdict.evidence[0]?.what ?? '';
  const phrases: Readonly<Record<Reason, string>> = {
    completed: 'succeeded',
    non_zero_exit: `exited${code}`,
    signaled: `terminated by signal ${verdict.signal ?? 'unknown'}`,
    start_failed: `could not be started${code}: ${why}`,
    output_missing: `succeeded, but left out required outputs: ${outputs.join(', ')}`,
    output_rejected: `succeeded, but outputs were refused: ${outputs.join(', ')}`,
    oom_killed: `was killed for lack of memory (limit ${String(plan.container.resources.memoryBytes)} bytes)`,
    disk_limit_exceeded: `was ended: ${why}`,
    output_limit_exceeded: `wrote outputs beyond the limit: ${outputs.length > 0 ? outputs.join(', ') : why}`,
    log_limit_exceeded: `was ended: ${why}`,
    timed_out: `exceeded timeout after ${String(plan.timeouts.runMs)}ms`,
    idle_timed_out: `was ended: it ${why}`,
    queue_expired: 'waited too long for its turn',
    cancelled: `was cancelled: ${why}`,
    runtime_shutdown: `was ended because the runtime closed`,
    externally_removed: 'was removed from outside while it ran',
    interrupted: `was interrupted: ${why}`,
    evicted: `was ended to make room: ${why}`,
    orphaned: 'lost the process that ran it',
  };
  return phrases[verdict.reason];
}
