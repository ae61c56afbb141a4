/** Shows results to people. It judges nothing. */
import type { BenchResult } from './measure.js';

const HEADINGS = ['name', 'value', 'baseline', 'ratio', 'bar', 'holds'];

/** A table in plain text, one line for each result. */
export function toTable(results: readonly BenchResult[]): string {
  const rows = [HEADINGS, ...results.map(toCells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => toLine(row, widths)).join('\n');
}

function toCells({ name, value, baseline, ratio, bar, holds }: BenchResult): string[] {
  const shown = (number: number | null): string => (number === null ? '-' : toText(number));
  return [name, shown(value), shown(baseline), shown(ratio), shown(bar), holds ? 'yes' : 'NO'];
}

/** Names to the left, numbers to the right. */
function toLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
    .join('  ');
}

/** Three digits that count, and no more than that behind the point. */
function toText(number: number): string {
  if (Math.abs(number) >= 100) return number.toFixed(0);
  return number.toFixed(Math.abs(number) >= 10 ? 1 : 3);
}
