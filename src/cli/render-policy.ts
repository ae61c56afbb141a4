/** Tests and comparisons of policies as text for people. Pure. */
import type { Issue } from '../index.js';
import type { PolicyCaseResult, PolicyDifference } from '../policy/entry.js';

/** What was found, as `--json` gives it. `source` is a file, and the position in it where it holds a list. */
export interface PolicyDiffReport {
  readonly definitions: number;
  readonly differences: readonly (Omit<PolicyDifference, 'index'> & { readonly source: string })[];
  /** Definitions of the wrong shape, of which neither policy can say anything. */
  readonly invalid: readonly { readonly source: string; readonly issues: readonly Issue[] }[];
}

/** One line a case, and how many passed. */
export function caseLines(results: readonly PolicyCaseResult[]): readonly string[] {
  const failed = results.filter(({ passed }) => !passed).length;
  return [
    ...results.map(({ name, problem }) =>
      problem === null ? `ok      ${name}` : `not ok  ${name}: ${problem}`,
    ),
    `${String(results.length - failed)} passed, ${String(failed)} failed`,
  ];
}

/** Each difference with its reasons, what could not be judged, and how many there are of each kind. */
export function differenceLines({ definitions, differences, invalid }: PolicyDiffReport): readonly string[] {
  return [
    ...differences.flatMap(({ source, slug, change, violations, changes, reason }) => [
      `${source}${slug === null ? '' : ` (${slug})`}: ${WORDS[change]}`,
      ...(violations.length === 0 && changes.length === 0 ? [`  ${reason}`] : []),
      ...violations.flatMap(({ path, message, hint }) => [
        `  ${path}: ${message}`,
        ...(hint === null ? [] : [`    hint: ${hint}`]),
      ]),
      ...changes.map(({ path, before, after }) => `  ${path}: ${shown(before)} becomes ${shown(after)}`),
    ]),
    ...invalid.map(
      ({ source, issues }) =>
        `${source}: passed over: ${issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
    ),
    summaryOf(definitions, differences),
  ];
}

const WORDS: Readonly<Record<PolicyDifference['change'], string>> = {
  newly_denied: 'newly denied',
  newly_allowed: 'newly allowed',
  newly_warned: 'newly warned of',
  changed: 'changed',
};

function summaryOf(definitions: number, differences: PolicyDiffReport['differences']): string {
  const kinds = (Object.keys(WORDS) as PolicyDifference['change'][]).flatMap((kind) => {
    const count = differences.filter(({ change }) => change === kind).length;
    return count === 0 ? [] : [`${String(count)} ${WORDS[kind]}`];
  });
  return `${String(definitions)} definitions: ${kinds.join(', ') || 'no difference'}`;
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
