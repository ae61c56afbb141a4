/** The shape and rules of a policy, as a schema over a complete one. */
import { z } from 'zod';
import { type ImagePatternList, parseImagePattern } from '../base/image-pattern.js';
import { mountTargetProblem } from '../base/mount-target.js';
import { checkAbsolutePath } from '../base/paths.js';
import { bytes, count, flag, text, texts, user } from './values.js';

const imagePatterns = (list: ImagePatternList): z.ZodType<string[]> =>
  z.array(
    z.string({ error: 'must be an image pattern' }).superRefine((pattern, context) => {
      const parsed = parseImagePattern(pattern, list);
      if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem });
    }),
    { error: 'must be a list of image patterns' },
  );

const networkMode = z.enum(['none', 'bridge'], {
  error: 'Unsupported Docker network mode. Allowed values: none, bridge',
});

const ulimit = z.strictObject({ name: text, soft: count(0), hard: count(0) });
const cpus = z.number({ error: 'must be a number above 0' }).min(0.01, { error: 'must be at least 0.01' });

const resources = z.strictObject({
  cpus,
  // Less than the engine's own minimum would be refused at every run.
  memoryBytes: bytes(6 * 1024 ** 2),
  pidsLimit: count(1),
  shmBytes: bytes(),
  ulimits: z.array(ulimit),
});

const max = z.strictObject({
  cpus: cpus.nullable(),
  memoryBytes: bytes().nullable(),
  pidsLimit: count(1).nullable(),
  shmBytes: bytes().nullable(),
  ulimits: z.record(z.string(), count(0)),
  outputBytes: bytes().nullable(),
  tmpfsBytes: bytes().nullable(),
});

const mountRoot = z.string().superRefine((path, context) => {
  const problem = checkAbsolutePath(path) ?? mountTargetProblem(path);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const capability = z
  .string()
  .regex(/^[A-Z][A-Z_]{1,31}$/, 'must be a capability without CAP_, for example CHOWN')
  .refine(
    (name) => !name.startsWith('CAP_') && name !== 'ALL',
    'must be a single capability without CAP_, for example CHOWN',
  );

/** The schema of a whole policy. */
export const policySchema = z.strictObject({
  images: z.strictObject({
    allow: imagePatterns('allow'),
    deny: imagePatterns('deny'),
    requireDigest: flag,
    allowedPullPolicies: z
      .array(z.enum(['always', 'ifNotPresent'], { error: 'must be "always" or "ifNotPresent"' }))
      .min(1, 'must name at least one of always, ifNotPresent'),
  }),
  network: z.strictObject({
    enforceIsolation: flag,
    defaultMode: networkMode,
    allowedModes: z.array(networkMode).min(1, 'must name at least one of none, bridge'),
    allowOverride: flag,
  }),
  gpu: z.strictObject({ enabled: flag }),
  limits: z.strictObject({ default: resources, max }),
  security: z.strictObject({
    readOnlyRootFilesystem: flag,
    noNewPrivileges: flag,
    init: flag,
    capabilities: z.array(capability),
    user: user.nullable(),
    allowRoot: flag,
    tmpExec: flag,
    tmpBytes: bytes(),
    tmpInodes: count(1),
    volumeBytes: bytes(),
    runtime: text.nullable(),
    mountRoots: z.array(mountRoot),
    deniedEnvironment: texts,
    requireAttestation: flag,
  }),
  secrets: z.strictObject({
    allow: texts,
    delivery: z.enum(['any', 'file'], { error: 'must be "any" or "file"' }),
    allowDisk: flag,
  }),
  storage: z.strictObject({ read: texts, write: texts }),
  mode: z.literal('enforce', { error: 'must be "enforce"' }),
});
