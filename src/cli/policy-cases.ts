/** Reads a file of expectations: a list of cases, or an object with one under `cases`. What they come to is for others. */
import { dirname, isAbsolute, join } from 'node:path';
import { type Issue, ValidationError } from '../index.js';
import type { PolicyCase } from '../policy/entry.js';
import { documentError } from './input-error.js';
import type { CliIo } from './io.js';
import { loadDocument } from './load-document.js';

type Data = Readonly<Record<string, unknown>>;

const KEYS: readonly string[] = ['name', 'definition', 'allowed', 'rules', 'warned', 'profile'];

/**
 * The cases of a file. A definition that is text is the path of a file; one that is not absolute starts at the folder of the cases.
 *
 * @throws `validation.invalid_job`, listing everything that is wrong.
 */
export async function loadCases(
  io: Pick<CliIo, 'stdin' | 'cwd'>,
  file: string,
): Promise<readonly PolicyCase[]> {
  const document = await loadDocument(io, file, 'cases');
  const list = isData(document) && Object.keys(document).join() === 'cases' ? document['cases'] : document;
  if (!Array.isArray(list) || list.length === 0) {
    throw documentError('cases', file, 'must be a list of cases, or an object with one under "cases"');
  }
  const given: readonly unknown[] = list;
  const issues = given.flatMap((each, index) => problemsOf(each, `cases.${String(index)}`));
  if (issues.length > 0) {
    const text = issues.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new ValidationError('validation.invalid_job', `${file}: ${text}`, { details: { issues } });
  }
  const cases: PolicyCase[] = [];
  for (const [index, each] of (given as readonly CaseData[]).entries()) {
    const { definition } = each;
    const path = typeof definition === 'string' ? fromCases(file, definition) : null;
    cases.push({
      ...each,
      name: each.name ?? path ?? `case ${String(index + 1)}`,
      definition: path === null ? definition : await loadDocument(io, path, 'definition'),
    });
  }
  return cases;
}

const fromCases = (file: string, path: string): string =>
  isAbsolute(path) ? path : join(dirname(file), path);

/** A case as checked by {@link problemsOf}. */
type CaseData = Omit<PolicyCase, 'name'> & { readonly name?: string };

const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';
const isOptional = (isRight: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || isRight(value);
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const CHECKS: readonly (readonly [key: string, isRight: (value: unknown) => boolean, message: string])[] = [
  ['name', isOptional(isText), 'must be text'],
  // `-` would be standard input, which a case cannot have for itself.
  [
    'definition',
    (value) => isData(value) || (isText(value) && value !== '-'),
    'must be a definition or the path of one',
  ],
  ['allowed', (value) => typeof value === 'boolean', 'must be true or false'],
  ['rules', isOptional(areTexts), 'must be a list of rule ids'],
  ['warned', isOptional(areTexts), 'must be a list of rule ids'],
  ['profile', isOptional(isText), 'must be the name of a profile'],
];

function problemsOf(value: unknown, place: string): readonly Issue[] {
  const problem = (path: string, message: string): Issue => ({
    code: 'validation.invalid_case',
    path,
    message,
  });
  if (!isData(value)) return [problem(place, 'must be an object')];
  const unknown = Object.keys(value).filter((key) => !KEYS.includes(key));
  return [
    ...unknown.map((key) => problem(`${place}.${key}`, `is no known key; known keys: ${KEYS.join(', ')}`)),
    ...CHECKS.filter(([key, isRight]) => !isRight(value[key])).map(([key, , message]) =>
      problem(`${place}.${key}`, message),
    ),
  ];
}
