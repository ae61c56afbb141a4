/** How single values of a configuration are read: numbers with units, names, paths. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { parseByteSize } from '../base/byte-size.js';
import { parseDuration } from '../base/duration.js';
import { LONGEST_TIMER_MS } from '../base/longest-timer.js';
import { hasUsableIds, ID_TOO_HIGH, NOT_NUMERIC, NUMERIC_USER } from '../base/numeric-user.js';
import type { Parsed } from '../base/parsed.js';

function withUnit(
  what: string,
  parse: (input: string | number) => Parsed<number>,
  minimum: number,
  maximum: number,
): z.ZodType<number> {
  const range =
    maximum === Number.MAX_SAFE_INTEGER
      ? `at least ${String(minimum)}`
      : `from ${String(minimum)} to ${String(maximum)}`;
  return z.union([z.number(), z.string()], { error: `must be ${what}` }).transform((input, context) => {
    const parsed = parse(input);
    if (!parsed.ok) {
      context.addIssue({ code: 'custom', message: parsed.problem });
      return z.NEVER;
    }
    if (parsed.value < minimum || parsed.value > maximum) {
      context.addIssue({ code: 'custom', message: `must be ${range}` });
      return z.NEVER;
    }
    return parsed.value;
  });
}

/** Bytes: a whole number, or text with a unit. */
export const bytes = (minimum = 1): z.ZodType<number> =>
  withUnit('a number of bytes or a size such as 512MiB', parseByteSize, minimum, Number.MAX_SAFE_INTEGER);

/** Bytes, or no limit: `null`, `unlimited` or 0. */
export const bytesOrUnlimited: () => z.ZodType<number | null> = lazy(() =>
  z.union(
    [
      z.null(),
      z.literal(0).transform(() => null),
      z
        .string()
        .regex(/^\s*(unlimited|0)\s*$/i)
        .transform(() => null),
      bytes(),
    ],
    { error: 'must be a size of at least 1 byte such as 512MiB, or "unlimited" or 0 for no limit' },
  ),
);

/** Milliseconds: a whole number, or text such as `10s`. */
export const milliseconds = (minimum = 1, maximum = LONGEST_TIMER_MS): z.ZodType<number> =>
  withUnit('milliseconds or a duration such as 10s', parseDuration, minimum, maximum);

/** A whole number. */
export const count = (minimum: number, maximum = Number.MAX_SAFE_INTEGER): z.ZodType<number> => {
  const range =
    maximum === Number.MAX_SAFE_INTEGER
      ? `at least ${String(minimum)}`
      : `from ${String(minimum)} to ${String(maximum)}`;
  const error = `must be a whole number ${maximum === Number.MAX_SAFE_INTEGER ? 'of ' : ''}${range}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
};

/** On or off. */
export const flag = lazy(() => z.boolean({ error: 'must be true or false' }));

/** Text that is not blank. */
export const text = lazy(() =>
  z.string({ error: expectedText() }).refine((value) => value.trim() !== '', 'must not be blank'),
);

/** A list of texts that are not blank. */
export const texts = lazy(() => z.array(text(), { error: 'must be a list of texts' }));

/** Numeric `uid[:gid]`. */
export const user = lazy(() =>
  z
    .string({ error: expectedText() })
    .regex(NUMERIC_USER, { error: NOT_NUMERIC, abort: true })
    .refine(hasUsableIds, ID_TOO_HIGH),
);
