/** Issues, errors and ends of runs as text for people. Pure; what is data of others is made safe where it is written. */
import {
  type AnyJobRuntimeError,
  type Issue,
  issuesOf,
  type RunResult,
  type Validation,
  type ValidJob,
} from '../index.js';

/** Where the words of an option say nothing to who typed a flag. */
const FLAG_HINTS: Readonly<Record<string, string>> = {
  'validation.output_to': 'give a folder with --output DIR',
};

/** `path: message`, and the hint on a line of its own. */
function issueLines(issues: readonly Issue[], mark: string): readonly string[] {
  return issues.flatMap(({ code, path, message, hint }) => {
    const advice = FLAG_HINTS[code] ?? hint;
    const line = `${mark}${path === '' ? '' : `${path}: `}${message}`;
    return advice === undefined ? [line] : [line, `    hint: ${advice}`];
  });
}

/** What a validation found, as lines. */
export function validationLines(file: string, validation: Validation<ValidJob>): readonly string[] {
  const warnings = issueLines(validation.warnings, '  warning: ');
  if (validation.ok) return [`${file}: valid`, ...warnings];
  return [`${file}: not valid`, ...issueLines(validation.issues, '  '), ...warnings];
}

/** An error as lines: each of its issues, or its message. */
export function errorLines(error: AnyJobRuntimeError): readonly string[] {
  const issues = issuesOf(error);
  const ended = error.result === undefined ? [] : [`  the job itself: ${error.result.message}`];
  if (issues.length > 1) return [`berthkit: ${error.code}`, ...issueLines(issues, '  '), ...ended];
  const [issue] = issues;
  if (issue !== undefined) return [...issueLines([issue], 'berthkit: '), ...ended];
  const hint = error.hint === undefined ? [] : [`    hint: ${error.hint}`];
  return [`berthkit: ${error.message}`, ...hint, ...ended];
}

/** The end of a run as lines: what happened, what to do about it, and what was noticed. */
export function endLines(result: RunResult): readonly string[] {
  return [
    `berthkit: ${result.message}`,
    ...result.hints.map(({ message }) => `    hint: ${message}`),
    ...result.outputs
      .filter(({ state }) => state === 'missing' || state === 'rejected' || state === 'failed')
      .map(({ workspacePath, state }) => `  output ${workspacePath}: ${state}`),
    ...result.warnings.map((warning) => `  warning: ${warning}`),
  ];
}
