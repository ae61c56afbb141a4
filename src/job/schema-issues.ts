/** Turns what the schema says into issues with full paths, naming the nearest known key where one is misspelt. */
import type { z } from 'zod';
import { lazy } from '../base/lazy.js';
import { nearestName } from '../base/nearest-name.js';
import type { Issue } from '../errors.js';
import { configFile, input, output, upload } from './artifact-schema.js';
import { resources } from './resource-schema.js';
import { dockerKeys } from './schema.js';

type ZodIssue = z.core.$ZodIssue;

/** What a branch says of a value of another kind than its own. */
const NOT_MEANT: readonly ZodIssue['code'][] = ['invalid_type', 'invalid_value', 'invalid_union'];

const places = lazy((): readonly (readonly [RegExp, readonly string[]])[] => [
  [/^docker$/, dockerKeys()],
  [/^docker\.inputs\.\d+$/, Object.keys(input().shape)],
  [/^docker\.outputs\.\d+$/, Object.keys(output().shape)],
  [/^docker\.outputs\.\d+\.upload$/, Object.keys(upload().shape)],
  [/^docker\.configFile$/, Object.keys(configFile().shape)],
  [/^docker\.resources$/, Object.keys(resources().shape)],
  [/^docker\.environment\.\d+$/, ['name', 'value', 'secret']],
]);

/** All issues, those inside unions and records taken out to where they belong. */
export function toIssues(issues: readonly ZodIssue[], prefix: readonly PropertyKey[] = []): readonly Issue[] {
  return issues.flatMap((issue) => toIssue(issue, [...prefix, ...issue.path]));
}

function toIssue(issue: ZodIssue, path: readonly PropertyKey[]): readonly Issue[] {
  const at = path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(at, key));
    case 'invalid_union': {
      // The branch that got inside the value is the one its author meant.
      const meant = issue.errors.find((branch) =>
        branch.some(({ path: inner, code }) => inner.length > 0 || !NOT_MEANT.includes(code)),
      );
      return meant === undefined ? [invalid(at, messageOf(issue))] : toIssues(meant, path);
    }
    case 'invalid_key':
      return [invalid(at, issue.issues[0]?.message ?? issue.message)];
    default:
      return [invalid(at, messageOf(issue))];
  }
}

/** Needs issues that were made with `reportInput`. */
function messageOf(issue: ZodIssue): string {
  const hasOwnText = !issue.message.startsWith('Invalid input');
  const message = hasOwnText ? issue.message : genericMessage(issue);
  return 'input' in issue && issue.input === undefined ? `is missing; ${message}` : message;
}

/** Where the schema has no words of its own. */
function genericMessage(issue: ZodIssue): string {
  if (issue.code === 'invalid_type') return `must be an ${issue.expected}`;
  // The only union without words is that of parameters, whose maker takes none.
  return issue.code === 'invalid_union' ? 'must be a JSON value' : issue.message;
}

function invalid(path: string, message: string): Issue {
  return { code: 'validation.invalid_value', path, message };
}

function unknownKey(place: string, key: string): Issue {
  const known = places().find(([pattern]) => pattern.test(place))?.[1] ?? [];
  const nearest = nearestName(key, known);
  const advice =
    nearest === undefined
      ? known.length === 0
        ? ''
        : `; known: ${known.join(', ')}`
      : `; did you mean "${nearest}"?`;
  const path = place === '' ? key : `${place}.${key}`;
  return { code: 'validation.unknown_key', path, message: `is not allowed here${advice}` };
}
