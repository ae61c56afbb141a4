/** Resources and temporary file systems of a definition. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { parseByteSize } from '../base/byte-size.js';
import { GPU_CAPABILITIES } from '../base/gpu-capabilities.js';
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

/** An engine joins ids by commas, and knows words that stand for all or none of them. */
const gpuId = lazy(() =>
  z
    .string({ error: expectedText('must be text such as "0" or "GPU-fef8089b"') })
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/,
      'must be 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "/" and "-", the first a letter or digit',
    )
    .refine((id) => !/^(all|none|void)$/i.test(id), 'must be the id of one GPU'),
);

const unique = (values: readonly string[]): boolean => new Set(values).size === values.length;

const GPU_COUNT = 'must be a whole number from 1 to 64';
const CAPABILITY = `must be one of ${GPU_CAPABILITIES.join(', ')}`;

/** Some GPUs. */
const gpu = lazy(() =>
  z
    .strictObject({
      count: z.int({ error: GPU_COUNT }).min(1, GPU_COUNT).max(64, GPU_COUNT).optional(),
      ids: z
        .array(gpuId(), { error: 'must be a list of ids' })
        .min(1, 'must name at least one GPU')
        .max(64, 'must not have more than 64 entries')
        .refine(unique, 'must not name a GPU twice')
        .optional(),
      capabilities: z
        .array(z.enum(GPU_CAPABILITIES, { error: CAPABILITY }), {
          error: `must be a list of ${GPU_CAPABILITIES.join(', ')}`,
        })
        .refine(unique, 'must not name a capability twice')
        .optional(),
    })
    .refine(({ count, ids }) => count === undefined || ids === undefined, {
      path: ['ids'],
      message: 'must not stand beside count: say how many GPUs, or which',
    })
    .refine(({ count, ids }) => count !== undefined || ids !== undefined, {
      message: 'must have count or ids: how many GPUs, or which',
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
    gpu: gpu().optional(),
  }),
);

/** One temporary file system. */
const tmpfsEntry = lazy(() => z.strictObject({ path: mountTarget(), sizeBytes: sizeFrom(4096).optional() }));

/** Temporary file systems a job asks for. */
export const tmpfs = lazy(() => z.array(tmpfsEntry()).max(16, 'must not have more than 16 entries'));
