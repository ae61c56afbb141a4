/** Path templates of outputs: a fixed list of variables, filled in once. Logic-less on purpose: a template may come from a stranger. */
import { checkRelativePath } from './paths.js';

/** The variables a template may use; null where the run has no such thing. */
export interface PathTemplateVariables {
  readonly runId: string;
  readonly attempt: number;
  readonly jobSlug: string | null;
  readonly jobDefinitionId: string | null;
  readonly jobVersion: string | number | null;
  /** ISO time. */
  readonly startedAt: string;
  /** `YYYY-MM-DD`. */
  readonly startedDate: string;
}

/** What a template may use. */
export const PATH_TEMPLATE_NAMES: readonly (keyof PathTemplateVariables)[] = [
  'runId',
  'attempt',
  'jobSlug',
  'jobDefinitionId',
  'jobVersion',
  'startedAt',
  'startedDate',
];
const SAMPLE: PathTemplateVariables = {
  runId: 'r',
  attempt: 1,
  jobSlug: 'j',
  jobDefinitionId: 'd',
  jobVersion: 'v',
  startedAt: 't',
  startedDate: 't',
};

/** A template filled in, or what is wrong with it. */
export type ExpandedPath =
  { readonly ok: true; readonly path: string } | { readonly ok: false; readonly problem: string };

/**
 * Fills in a template. Values are percent-encoded but for letters, digits and `. _ ~ : + -`, so none can add a folder; the result has no leading
 * slash and must be an acceptable relative path.
 */
export function expandPathTemplate(template: string, variables: PathTemplateVariables): ExpandedPath {
  const problems: string[] = [];
  const report = (text: string): string => {
    problems.push(text);
    return '';
  };
  const filled = template.replace(/\$\{([^}]*)\}/g, (_placeholder, name: string) => {
    const known = PATH_TEMPLATE_NAMES.find((candidate) => candidate === name);
    if (known === undefined)
      return report(
        `must use only the variables ${PATH_TEMPLATE_NAMES.map((each) => `\${${each}}`).join(' ')}`,
      );
    const value = variables[known];
    if (value === null) return report(`uses \${${known}}, which this job does not have`);
    return encode(String(value));
  });
  const [problem] = problems;
  if (problem !== undefined) return { ok: false, problem };
  if (template.replace(/\$\{[^}]*\}/g, '').includes('${')) {
    return { ok: false, problem: 'has a "${" that is never closed' };
  }
  const path = filled.replace(/^\/+/, '').replace(/\/{2,}/g, '/');
  const pathProblem = checkRelativePath(path);
  return pathProblem === null ? { ok: true, path } : { ok: false, problem: pathProblem };
}

/** What is wrong with a template whatever the values, or null. */
export function checkPathTemplate(template: string): string | null {
  const expanded = expandPathTemplate(template, SAMPLE);
  return expanded.ok ? null : expanded.problem;
}

/** A template with what is known of the job before it runs filled in; the other variables stay. */
export function fillJobVariables(
  template: string,
  job: Pick<PathTemplateVariables, 'jobSlug' | 'jobDefinitionId' | 'jobVersion'>,
): string {
  return template.replace(
    /\$\{(jobSlug|jobDefinitionId|jobVersion)\}/g,
    (placeholder, name: keyof typeof job) => {
      const value = job[name];
      return value === null ? placeholder : encode(String(value));
    },
  );
}

/** The part of a template before its first variable: what a rule about prefixes can rely on. */
export function fixedPrefixOf(template: string): string {
  const end = template.indexOf('${');
  return (end === -1 ? template : template.slice(0, end)).replace(/^\/+/, '');
}

function encode(value: string): string {
  // Every character outside the list, byte by byte; a value that is only dots would be a step upwards.
  const encoded = encodeURIComponent(value).replace(/%(3A|2B)/g, (kept) => decodeURIComponent(kept));
  const strict = encoded.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return /^\.+$/.test(strict) ? strict.replaceAll('.', '%2E') : strict;
}
