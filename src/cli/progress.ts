/** The events of a run as lines for a terminal. Knows no stream: lines go to a function. */
import type { RunEvent } from '../index.js';
import { printable } from './printable.js';

/** One line of progress: what is done, and to what. */
interface ProgressLine {
  readonly step: string;
  readonly text: string;
}

const bytes = (count: number): string => {
  if (count < 1024) return `${String(count)} B`;
  const power = Math.min(3, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB'][power] ?? ''}`;
};

const files = (count: number): string => (count === 1 ? '1 file' : `${String(count)} files`);

/** What a person wants to know of an event; null for those that say nothing new. */
function progressLine(event: RunEvent): ProgressLine | null {
  switch (event.type) {
    case 'pull_start':
      return { step: 'image', text: event.reference };
    case 'pull_end':
      return event.pulled ? { step: 'pulled', text: event.digest ?? '' } : null;
    case 'stage_end':
      return event.files === 0
        ? null
        : { step: 'staged', text: `${files(event.files)}, ${bytes(event.sizeBytes)}` };
    case 'container_started':
      return { step: 'running', text: event.containerName };
    case 'container_exited':
      return { step: 'exited', text: event.exitCode === null ? '' : `with code ${String(event.exitCode)}` };
    case 'output_collected':
      return { step: 'collected', text: `${event.output.workspacePath}: ${event.output.state}` };
    case 'warning':
    case 'cleanup_error':
      return { step: 'warning', text: event.message };
    case 'run_end':
      return event.outcome === 'result'
        ? { step: event.result.status, text: `in ${(event.durations.totalMs / 1000).toFixed(1)} s` }
        : null;
    default:
      return null;
  }
}

const STEP_WIDTH = 10;

/** A listener that writes such lines. */
export function createProgress(
  writeLine: (line: string) => void,
  emphasize: (text: string) => string,
): (event: RunEvent) => void {
  return (event) => {
    const line = progressLine(event);
    if (line !== null) writeLine(`${emphasize(line.step.padEnd(STEP_WIDTH))} ${printable(line.text)}`);
  };
}
