/** Records entries as they come: in memory, or as lines of a file that outlives the process that writes them. */
import { openSync, readFileSync, writeSync } from 'node:fs';
import type { HistoryEntry, Recorder } from './history.js';

/** Writes each entry at once, through a descriptor opened beforehand: there may be none left later. */
export function recordToFile(path: string): Recorder {
  const file = openSync(path, 'a');
  return (entry) => {
    writeSync(file, `${JSON.stringify(entry)}\n`);
  };
}

/** What was recorded to a file; a line that was cut off by its writer's death is left out. */
export function readRecord(path: string): readonly HistoryEntry[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as HistoryEntry);
}
