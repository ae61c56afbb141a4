/** From a planned run to what its caller gives berthkit: a definition, options, and what a success has to show. It runs nothing. */
import type { EnvironmentMap, JobDefinition, OutputDefinition, RunOptions } from 'berthkit';
import type { PlannedRun } from './scene.js';
import { SHORT_RUN_MS, TIMEOUTS } from './time-limits.js';

/** The storages of a scene. `out` has transactions, `plain` none. */
export const MOUNTS = { in: 'in', transaction: 'out', plain: 'plain' } as const;

/** Where an output of a run is published. */
export const outputPath = (runId: string, name: string): string => `runs/${runId}/${name}`;

/** Where an input of a run is stored. */
export const inputPath = (runId: string): string => `inputs/${runId}.txt`;

/** What is stored as the input of a run. */
export const inputContent = (runId: string): string => `input of ${runId}\n`.repeat(200);

/** The values of a run's secrets: text that needs care in URLs, in JSON and in a shell. */
export function secretOf(runId: string): string {
  return `sëcret "${runId}" & $HOME/%41 ${Buffer.from(runId).toString('hex')}`;
}

const SCRIPTS: Readonly<Record<PlannedRun['ending'], string>> = {
  zero: 'sleep 0.4; echo the job is done',
  three: 'sleep 0.2; exit 3',
  flood: 'yes 0123456789abcdef | head -c 3000000; echo the job is done',
  timeout: 'exec sleep 600',
  timeout_trapped: 'trap "" TERM; while :; do sleep 0.2; done',
  cancelled: 'exec sleep 600',
  killed: 'sleep 0.3; kill -9 $$',
  output_missing: 'sleep 0.2; echo the job is done',
};

const TELLS: Readonly<Record<PlannedRun['secret'], string>> = {
  none: '',
  env: 'echo "$TOKEN"; printf %s "$TOKEN" | base64; ',
  file: 'cat "$TOKEN"; base64 < "$TOKEN" >&2; ',
};

/** The definition; it shows its secret on purpose, and makes all of its outputs in one move. */
export function definitionOf(run: PlannedRun, image: string): JobDefinition {
  const reads = run.inputs === 'none' ? '' : 'wc -c < in.txt; ';
  const writes =
    run.outputs === 'none' ? '' : 'mkdir made && echo a > made/a.txt && echo b > made/b.txt && mv made out; ';
  const takes = run.stdin || run.streams ? 'wc -c; ' : '';
  const words = `echo begun; ${TELLS[run.secret]}${writes}${reads}${takes}${SCRIPTS[run.ending]}`;
  return {
    slug: `chaos-${String(run.slot)}`,
    docker: {
      image,
      imagePullPolicy: run.aims.some(({ call }) => call === 'pull') ? 'always' : 'ifNotPresent',
      command: ['sh', '-c', words],
      workingDirectory: '/workspace',
      // All runs of a scene have their place at once, on two cores.
      resources: { cpus: 0.35 },
      environment: environmentOf(run),
      inputs: inputsOf(run),
      outputs: run.outputs === 'none' ? [] : outputsOf(run),
      ...(run.stdin ? { stdin: 'given to the job\n'.repeat(100) } : {}),
    },
  };
}

function environmentOf({ secret }: PlannedRun): EnvironmentMap {
  return secret === 'none' ? {} : { TOKEN: { secret: { source: 'store', key: 'token' }, as: secret } };
}

function inputsOf({ inputs, runId }: PlannedRun): NonNullable<JobDefinition['docker']['inputs']> {
  const workspacePath = 'in.txt';
  switch (inputs) {
    case 'none':
      return [];
    case 'inline':
      return [{ source: { type: 'inline', content: inputContent(runId) }, workspacePath }];
    case 'stored':
      return [
        {
          source: { type: 'filestorePath', backendMountId: MOUNTS.in, path: `/${inputPath(runId)}` },
          workspacePath,
        },
      ];
  }
}

function outputsOf({ runId, outputs, optionalOutput, ending }: PlannedRun): readonly OutputDefinition[] {
  const backendMountId = outputs === 'plain' ? MOUNTS.plain : MOUNTS.transaction;
  const output = (name: string): OutputDefinition => ({
    workspacePath: `out/${name}`,
    upload: { backendMountId, pathTemplate: outputPath(runId, name) },
  });
  return [
    ...['a.txt', 'b.txt'].map(output),
    ...(optionalOutput ? [{ ...output('never.txt'), optional: true }] : []),
    ...(ending === 'output_missing' ? [output('missing.txt')] : []),
  ];
}

/** What the caller gives beside the definition. */
export function optionsOf(run: PlannedRun): RunOptions {
  return {
    runId: run.runId,
    metadata: { scene: run.runId },
    retry: { maxAttempts: run.maxAttempts, initialDelayMs: 20, on: ['infrastructure'] },
    timeouts: { ...TIMEOUTS, ...(isEndedByDeadline(run) ? { runMs: SHORT_RUN_MS } : {}) },
    ...(run.isJoined ? { idempotencyKey: `key of ${run.runId}` } : {}),
  };
}

/** Also one whose job waits for standard input that never comes. */
function isEndedByDeadline({ ending, aims }: PlannedRun): boolean {
  return (
    ending.startsWith('timeout') ||
    aims.some(({ fault, step }) => fault === 'input_hangs' && step === 'started')
  );
}

const WORDS: Readonly<Record<PlannedRun['ending'], string>> = {
  zero: 'succeeded/completed',
  three: 'failed/non_zero_exit',
  flood: 'succeeded/completed',
  timeout: 'timed_out/timed_out',
  timeout_trapped: 'timed_out/timed_out',
  cancelled: 'cancelled/cancelled',
  killed: 'failed/signaled',
  output_missing: 'failed/output_missing',
};

/** How a run ends if nothing keeps it from that; null where another end may come first. */
export function comesTo(run: PlannedRun): string | null {
  if (run.objectExists || (isEndedByDeadline(run) && !run.ending.startsWith('timeout'))) return null;
  const isComplete = run.ending === 'output_missing' && run.outputs === 'none';
  return WORDS[isComplete ? 'zero' : run.ending];
}

/** The objects a success has published. */
export function publishedBy(run: PlannedRun): readonly string[] {
  return run.outputs === 'none' ? [] : ['a.txt', 'b.txt'].map((name) => outputPath(run.runId, name));
}
