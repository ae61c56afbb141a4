/** How single texts of a definition are checked. Messages say what is allowed, never what was given: it may be a secret. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { hasUsableIds, ID_TOO_HIGH, NOT_NUMERIC, NUMERIC_USER } from '../base/numeric-user.js';
import { mountTargetProblem } from '../base/mount-target.js';
import { checkAbsolutePath, checkRelativePath, normalizeAbsolutePath } from '../base/paths.js';

/** A schema of a text for which a function knows what is wrong with it. */
export function checkedText(
  problemOf: (text: string) => string | null,
  expected = 'must be text',
): z.ZodType<string, string> {
  return z.string({ error: expectedText(expected) }).superRefine((text, context) => {
    const problem = problemOf(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  });
}

/** A text of a length within bounds and without NUL. */
export function boundedText(minimum: number, maximum: number): z.ZodType<string, string> {
  // One problem for one text: what is too long is not looked at any further.
  const bounds = { error: `must have ${String(minimum)} to ${String(maximum)} characters`, abort: true };
  return z
    .string({ error: expectedText() })
    .min(minimum, bounds)
    .max(maximum, bounds)
    .refine((text) => !text.includes('\0'), { error: 'must not hold NUL', abort: true });
}

/** A user by numbers. */
export const numericUser = lazy(() =>
  z
    .string({ error: expectedText() })
    .regex(NUMERIC_USER, { error: NOT_NUMERIC, abort: true })
    .refine(hasUsableIds, ID_TOO_HIGH),
);

/** A path beneath the workspace. */
export const relativePath = lazy(() =>
  checkedText((path) =>
    path.length > 512 ? 'must not be longer than 512 characters' : checkRelativePath(path),
  ),
);

/** An absolute container path. */
export const absolutePath = lazy(() => checkedText(checkAbsolutePath));

/** An absolute container path at which something is mounted. */
export const mountTarget = lazy(() =>
  checkedText((path) => checkAbsolutePath(path) ?? mountTargetProblem(normalizeAbsolutePath(path))),
);

/** An id of an input or output. */
export const artifactId = lazy(() =>
  z
    .string({ error: expectedText() })
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must be 1 to 100 of letters, digits, ".", "_" and "-"'),
);

/** A storage mount, as it is written. */
export const MOUNT_ID = /^([1-9]\d{0,15}|[a-z][a-z0-9-]{0,63})$/;
const MOUNT_ID_RULE =
  'must be a positive integer or a name of a-z, 0-9 and "-" that begins with a letter, 64 characters at most';

/** A storage mount: a positive integer, a numeric string, or a name. */
export const mountId = lazy(() =>
  z.union(
    [
      z.int({ error: MOUNT_ID_RULE }).positive({ error: MOUNT_ID_RULE }),
      z.string().regex(MOUNT_ID, MOUNT_ID_RULE),
    ],
    { error: MOUNT_ID_RULE },
  ),
);
