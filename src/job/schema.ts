/** The shape of a job definition: the Docker Job Runtime document's metadata contract, and ours beside it. */
import { z } from 'zod';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';
import { parseImageReference } from '../base/image-reference.js';
import { configFile, input, output } from './artifact-schema.js';
import { environment } from './environment-schema.js';
import { resources, tmpfs } from './resource-schema.js';
import { retry, retryPolicy } from './retry-schema.js';
import { absolutePath, boundedText, checkedText, mountTarget, numericUser } from './text-rules.js';

const image = lazy(() =>
  boundedText(1, 512).superRefine((text, context) => {
    const parsed = parseImageReference(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem });
  }),
);

const words = lazy(() =>
  z
    .array(boundedText(1, 400), {
      error: ({ input: given }) =>
        typeof given === 'string'
          ? 'must be an array of words, for example ["sh", "-c", "…"]'
          : 'must be an array of texts',
    })
    .max(128, 'must not have more than 128 items')
    .refine(
      (items) => items.some((item) => item.trim() !== ''),
      'must have at least one item that is not blank',
    ),
);

const flag = lazy(() => z.boolean({ error: 'must be true or false' }));

const PULL_POLICIES = 'must be "always", "ifNotPresent" or "never", or a list of them';

const pullPolicies = lazy(() => {
  const one = z.enum(['always', 'ifNotPresent', 'never'], { error: PULL_POLICIES });
  const several = z
    .array(one, { error: PULL_POLICIES })
    .min(1, 'must name at least one policy')
    .refine((policies) => new Set(policies).size === policies.length, 'must not name a policy twice');
  return z.union([one, several], { error: PULL_POLICIES });
});

const docker = lazy(() =>
  z.strictObject({
    image: image(),
    imagePullPolicy: pullPolicies().optional(),
    platform: checkedText((text) =>
      /^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9.]+)?$/.test(text) && text.length <= 80
        ? null
        : 'must be os/architecture, for example linux/amd64',
    ).optional(),
    entryPoint: words().optional(),
    command: words().optional(),
    args: words().optional(),
    workingDirectory: absolutePath().optional(),
    workspaceMountPath: mountTarget().optional(),
    networkMode: z.enum(['none', 'bridge'], { error: 'must be "none" or "bridge"' }).optional(),
    requiresGpu: flag().optional(),
    environment: environment().optional(),
    configFile: configFile().optional(),
    inputs: z
      .array(input(), { error: 'must be a list' })
      .max(100, 'must not have more than 100 entries')
      .optional(),
    outputs: z
      .array(output(), { error: 'must be a list' })
      .max(100, 'must not have more than 100 entries')
      .optional(),
    resources: resources().optional(),
    security: z
      .strictObject({
        runtime: checkedText((text) =>
          /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(text)
            ? null
            : 'must be the name of a runtime, for example runsc',
        ).optional(),
      })
      .optional(),
    user: numericUser().optional(),
    stdin: z
      .string({ error: expectedText() })
      .max(1024 ** 2, 'must not be longer than 1 MiB')
      .optional(),
    tmpfs: tmpfs().optional(),
  }),
);

/** A number that is not whole would lose the zero of `1.10`, and one that is too large its last digits. */
const version = lazy(() => {
  const error = expectedText('must be text or a whole number');
  return z.union([boundedText(1, 128), z.int({ error })], { error });
});

/** The schema of a definition; keys beside the known ones pass through. */
export const jobSchema = lazy(() =>
  z.looseObject({
    slug: z
      .string({ error: expectedText() })
      .regex(
        /^[a-z0-9][a-z0-9_-]{0,99}$/i,
        'must be 1 to 100 of letters, digits, "_" and "-", the first a letter or digit',
      )
      .optional(),
    id: boundedText(1, 256).optional(),
    version: version().optional(),
    timeoutMs: z
      .int({ error: 'must be whole milliseconds' })
      .min(1_000, 'must be at least 1000')
      .max(86_400_000, 'must not be more than 86400000')
      .optional(),
    retry: retry().optional(),
    retryPolicy: retryPolicy().optional(),
    defaultParameters: z
      .record(z.string(), z.json(), { error: 'must be an object of JSON values' })
      .optional(),
    docker: docker(),
  }),
);

/** The keys a definition may have at its top. */
export const topLevelKeys: () => readonly string[] = lazy(() => Object.keys(jobSchema().shape));

/** The keys of its `docker` part. */
export const dockerKeys: () => readonly string[] = lazy(() => Object.keys(docker().shape));

/** A definition whose shape is right. */
export type ParsedJob = z.output<ReturnType<typeof jobSchema>>;
