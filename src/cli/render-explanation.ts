/** An explanation as text for people: the decision rule by rule, the plan, and the nearest `docker run` line. Pure. */
import { stringify } from 'yaml';
import type { Explanation, PolicyDecision } from '../index.js';
import { validationLines } from './render-text.js';

const indented = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`));

/** The explanation as lines. */
export function explanationLines(file: string, explanation: Explanation): readonly string[] {
  const { validation, decision, plan, dockerRun, pending } = explanation;
  const lines = [...validationLines(file, validation)];
  if (decision !== null) lines.push('', ...decisionLines(decision));
  if (plan !== null) {
    // Said above already.
    const rest = Object.fromEntries(Object.entries(plan).filter(([key]) => key !== 'decision'));
    lines.push('', 'Plan', ...indented(stringify(rest, { lineWidth: 0, aliasDuplicateObjects: false })));
  }
  if (dockerRun !== null) lines.push('', 'Nearest docker run', `  ${dockerRun}`);
  if (pending.length > 0) lines.push('', 'Only the image can tell', ...pending.map((each) => `  - ${each}`));
  return lines;
}

const RULE_WIDTH = 22;

function decisionLines({ allowed, rules }: PolicyDecision): readonly string[] {
  const told = rules.filter(({ outcome }) => outcome !== 'not_applicable');
  return [
    `Policy: ${allowed ? 'allowed' : 'denied'}`,
    ...told.map(
      ({ rule, outcome, reason }) => `  ${rule.padEnd(RULE_WIDTH)} ${outcome.padEnd(7)}  ${reason}`,
    ),
  ];
}
