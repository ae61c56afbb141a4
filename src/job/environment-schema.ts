/** The environment of a definition, as a list or a map. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { boundedText } from './text-rules.js';

const NAME_RULE = 'must be a letter or "_" followed by letters, digits and "_", 128 at most';

const name = lazy(() =>
  z.string({ error: expectedText() }).regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, NAME_RULE),
);

const key = lazy(() => boundedText(1, 256));

/** A reference to a secret. */
const secretReference = lazy(() =>
  z.discriminatedUnion(
    'source',
    [
      z.strictObject({ source: z.literal('env'), key: key() }),
      z.strictObject({ source: z.literal('store'), key: key(), version: boundedText(1, 128).optional() }),
    ],
    { error: 'must be { source: "env", key } or { source: "store", key, version? }' },
  ),
);

/** An explicit empty string is a legal value. */
const value = lazy(() =>
  z
    .string({ error: expectedText() })
    .max(4096, 'must not be longer than 4096 characters')
    .refine((text) => !text.includes('\0'), 'must not hold NUL'),
);

/** How the job gets a secret. */
const as = lazy(() => z.enum(['env', 'file'], { error: 'must be "env" or "file"' }).optional());

const entry = lazy(() =>
  z
    .strictObject({ name: name(), value: value().optional(), secret: secretReference().optional(), as: as() })
    .superRefine((variable, context) => {
      const hasValue = variable.value !== undefined;
      const hasSecret = variable.secret !== undefined;
      if (hasValue && hasSecret) {
        context.addIssue({
          code: 'custom',
          path: ['value'],
          message: 'Secret environment variables must not include inline values',
        });
      } else if (!hasValue && !hasSecret) {
        context.addIssue({ code: 'custom', message: 'must have either a value or a secret' });
      } else if (hasValue && variable.as !== undefined) {
        context.addIssue({ code: 'custom', path: ['as'], message: 'is only for a secret, not for a value' });
      }
    }),
);

const mapValue = lazy(() =>
  z.union([value(), z.strictObject({ secret: secretReference(), as: as() })], {
    error: ({ input }) =>
      typeof input === 'number' || typeof input === 'boolean'
        ? expectedText()({ input })
        : 'must be text or { secret: { source, key }, as? }',
  }),
);

const MAX_VARIABLES = 200;
const TOO_MANY = `must not have more than ${String(MAX_VARIABLES)} variables`;

/** Either form. */
export const environment = lazy(() =>
  z.union(
    [
      z.array(entry()).max(MAX_VARIABLES, TOO_MANY),
      z.record(name(), mapValue()).refine((map) => Object.keys(map).length <= MAX_VARIABLES, TOO_MANY),
    ],
    {
      error: 'must be a list of { name, value } or { name, secret, as? }, or a map of names',
    },
  ),
);
