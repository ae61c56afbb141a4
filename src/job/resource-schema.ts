/** Resources and temporary file systems of a definition. */
import { z } from 'zod';
import { lazy } from '../base/lazy.js';
import { parseByteSize } from '../base/byte-size.js';
import { mountTarget } from './text-rules.js';

function sizeFrom(minimum: number): z.ZodType<number, number | string> {
  return z
    .union([z.number(), z.string()], { error: 'must be bytes or a size such as 512m' })
    .transform((given, context) => {
      const parsed = parseByteSize(given);
      const problem = !parsed.ok
        ? parsed.problem
        : parsed.value < minimum
          ? `must be at least ${String(minimum)}`
          : null;
      if (parsed.ok && problem === null) return parsed.value;
      context.addIssue({ code: 'custom', message: problem ?? 'is no size' });
      return z.NEVER;
    });
}

const limit = lazy(() => z.int({ error: 'must be a whole number' }).min(0, 'must not be negative'));

/** One limit of a kind the kernel knows. */
const ulimit = lazy(() =>
  z.strictObject({
    name: z
      .string({ error: 'must be a name such as nofile' })
      .regex(/^[a-z]{2,16}$/, 'must be a name such as nofile'),
    soft: limit(),
    hard: limit(),
  }),
);

/** Limits a job asks for. */
export const resources = lazy(() =>
  z.strictObject({
    cpus: z.number({ error: 'must be a number' }).min(0.01, 'must be at least 0.01').optional(),
    // The engine's own minimum.
    memoryBytes: sizeFrom(6 * 1024 ** 2).optional(),
    pidsLimit: z.int({ error: 'must be a whole number' }).min(1, 'must be at least 1').optional(),
    shmBytes: sizeFrom(1).optional(),
    ulimits: z
      .array(
        ulimit().refine(({ soft, hard }) => soft <= hard, {
          path: ['soft'],
          message: 'must not be more than hard',
        }),
        { error: 'must be a list of { name, soft, hard }' },
      )
      .max(16, 'must not have more than 16 entries')
      .optional(),
  }),
);

/** One temporary file system. */
const tmpfsEntry = lazy(() => z.strictObject({ path: mountTarget(), sizeBytes: sizeFrom(4096).optional() }));

/** Temporary file systems a job asks for. */
export const tmpfs = lazy(() => z.array(tmpfsEntry()).max(16, 'must not have more than 16 entries'));
