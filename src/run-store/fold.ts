/** A run as a row of JSON lines: written one by one, put together again, whatever became of the last one. Pure. */
import type { RunOutcome } from '../outcome.js';
import type { NewRun, RunStep, StoredRun } from './types.js';

/** The line that ends a run. */
interface EndLine {
  readonly end: RunOutcome;
  /** False: its key was given up with it, also if its writer died before it could do so. */
  readonly keepsKey: boolean;
  /** Tells of two ends of the same run which one counts. */
  readonly endId: string;
  /** ISO. */
  readonly at: string;
}

/** The line by which a run gets another owner. */
interface TakingLine {
  readonly taken: { readonly from: string; readonly to: string };
  /** Tells of two of them at the same time which one counts. */
  readonly takingId: string;
}

/** One line of a run's file. */
export type RunLine = { readonly run: NewRun } | { readonly step: RunStep } | TakingLine | EndLine;

/** A run with what only its store needs to know. */
export interface FoldedRun {
  readonly run: StoredRun;
  readonly keepsKey: boolean;
  readonly endId: string | null;
  /** Of the last change of its owner that counts. */
  readonly takingId: string | null;
  readonly endedAt: string | null;
}

/** A line as it is appended. It begins a new line, so that one that broke off before it harms nothing but itself. */
export function toLine(line: RunLine): string {
  return `\n${JSON.stringify(line)}\n`;
}

/** Puts lines together; null without a first line. What cannot be read broke off when its writer died, and is passed over. */
export function foldLines(text: string): FoldedRun | null {
  let run = null as NewRun | null;
  const steps: RunStep[] = [];
  let ending: EndLine | null = null;
  let takingId: string | null = null;
  for (const line of text.split('\n').flatMap(parseLine)) {
    if ('run' in line) run ??= line.run;
    else if ('end' in line) ending ??= line;
    // What was written while the run was ended elsewhere does not count.
    else if (ending !== null) continue;
    else if ('step' in line) steps.push(line.step);
    else if (run?.owner === line.taken.from) {
      run = { ...run, owner: line.taken.to };
      ({ takingId } = line);
    }
  }
  if (run === null) return null;
  return {
    run: { ...run, steps, end: ending?.end ?? null },
    keepsKey: ending?.keepsKey ?? true,
    endId: ending?.endId ?? null,
    takingId,
    endedAt: ending?.at ?? null,
  };
}

function parseLine(text: string): readonly RunLine[] {
  if (text === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    return isLine(value) ? [value] : [];
  } catch {
    return [];
  }
}

/** A line of ours is whole when it can be parsed at all; this tells it from what others put there. */
function isLine(value: unknown): value is RunLine {
  if (!isRecord(value)) return false;
  const { run, step, taken, end } = value;
  if (isRecord(run)) {
    return [run['runId'], run['instance'], run['owner']].every((each) => typeof each === 'string');
  }
  if (isRecord(taken)) return [taken['from'], taken['to']].every((each) => typeof each === 'string');
  return isRecord(step) ? typeof step['name'] === 'string' : isRecord(end);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
