/** Finds what a mistyped name may have meant. It only suggests; nothing is ever taken for the suggestion. */

const MAX_NAME_LENGTH = 64;

/**
 * Gives the known name nearest to a mistyped one, or undefined when none is near: at most one slip (a letter
 * missing, too many, wrong, or two swapped) for every three letters. Case counts for nothing; of equals the first
 * wins. Names longer than 64 characters get no suggestion.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name === '' || name.length > MAX_NAME_LENGTH) return undefined;
  const limit = Math.max(1, Math.floor(name.length / 3));
  let nearest: string | undefined;
  let nearestSlips = limit + 1;
  for (const candidate of known) {
    if (candidate.length > MAX_NAME_LENGTH || Math.abs(candidate.length - name.length) >= nearestSlips)
      continue;
    const slips = countSlips(name.toLowerCase(), candidate.toLowerCase());
    if (slips < nearestSlips && slips < Math.max(name.length, candidate.length)) {
      nearest = candidate;
      nearestSlips = slips;
    }
  }
  return nearest;
}

/** Damerau-Levenshtein distance in its restricted form (optimal string alignment). */
function countSlips(first: string, second: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: second.length + 1 }, (_, column) => column);
  for (let row = 1; row <= first.length; row += 1) {
    const current: number[] = [row];
    for (let column = 1; column <= second.length; column += 1) {
      const cost = first[row - 1] === second[column - 1] ? 0 : 1;
      const edits = [at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + cost];
      const swapped = first[row - 1] === second[column - 2] && first[row - 2] === second[column - 1];
      if (row > 1 && column > 1 && swapped) edits.push(at(beforeLast, column - 2) + 1);
      current.push(Math.min(...edits));
    }
    beforeLast = last;
    last = current;
  }
  return at(last, second.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
