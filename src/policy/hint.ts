/** The words in which rules say what is allowed, bounded however long an operator's lists are. No judgement. */
import { nearestName } from '../base/nearest-name.js';

const MAX_LISTED = 10;

/** The first values, the one nearest to what was asked at the head, and how many more there are. */
export function listed(values: readonly string[], asked: string): string {
  const nearest = nearestName(asked, values);
  const ordered = nearest === undefined ? values : [nearest, ...values.filter((value) => value !== nearest)];
  const shown = ordered.slice(0, MAX_LISTED).join(', ');
  const more = ordered.length - MAX_LISTED;
  return more > 0 ? `${shown} and ${String(more)} more` : shown;
}

/** What is allowed, or who may allow something where nothing is. */
export function allowedHint(values: readonly string[], asked: string, key: string): string {
  return values.length === 0
    ? `nothing is allowed; the operator decides by ${key}`
    : `allowed: ${listed(values, asked)}`;
}
