/** The shape and rules of a policy, as a schema over a complete one. */
import { z } from 'zod';
import { ENFORCED_LIMITS } from '../base/enforced-limits.js';
import { lazy } from '../base/lazy.js';
import { type ImagePatternList, parseImagePattern } from '../base/image-pattern.js';
import { mountTargetProblem } from '../base/mount-target.js';
import { checkAbsolutePath } from '../base/paths.js';
import type { Policy, PolicyMode } from '../policy/policy.js';
import { BUILT_IN_RULES } from '../policy/rules/built-in.js';
import { bytes, count, flag, text, texts, user } from './values.js';

/** Patterns of images, as the list reads them. */
export const imagePatterns = (list: ImagePatternList): z.ZodType<string[]> =>
  z.array(
    z.string({ error: 'must be an image pattern' }).superRefine((pattern, context) => {
      const parsed = parseImagePattern(pattern, list);
      if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem });
    }),
    { error: 'must be a list of image patterns' },
  );

const networkMode = lazy(() =>
  z.enum(['none', 'bridge'], {
    error: 'Unsupported Docker network mode. Allowed values: none, bridge',
  }),
);

const ulimit = lazy(() => z.strictObject({ name: text(), soft: count(0), hard: count(0) }));
const cpus = lazy(() =>
  z.number({ error: 'must be a number above 0' }).min(0.01, { error: 'must be at least 0.01' }),
);

const resources = lazy(() =>
  z.strictObject({
    cpus: cpus(),
    // Less than the engine's own minimum would be refused at every run.
    memoryBytes: bytes(6 * 1024 ** 2),
    pidsLimit: count(1),
    shmBytes: bytes(),
    ulimits: z.array(ulimit()),
  }),
);

const max = lazy(() =>
  z.strictObject({
    cpus: cpus().nullable(),
    memoryBytes: bytes().nullable(),
    pidsLimit: count(1).nullable(),
    shmBytes: bytes().nullable(),
    ulimits: z.record(z.string(), count(0)),
    outputBytes: bytes().nullable(),
    tmpfsBytes: bytes().nullable(),
  }),
);

const mountRoot = lazy(() =>
  z.string().superRefine((path, context) => {
    const problem = checkAbsolutePath(path) ?? mountTargetProblem(path);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  }),
);

const capability = lazy(() =>
  z
    .string()
    .regex(/^[A-Z][A-Z_]{1,31}$/, 'must be a capability without CAP_, for example CHOWN')
    .refine(
      (name) => !name.startsWith('CAP_') && name !== 'ALL',
      'must be a single capability without CAP_, for example CHOWN',
    ),
);

const mode = lazy(() =>
  z.enum(['enforce', 'warn', 'audit'], { error: 'must be "enforce", "warn" or "audit"' }),
);

/** Modes by rule. The operator's own rules are not known here, so only ids that begin as the built-in ones do are held against them. */
const modes = lazy(() =>
  z
    .record(z.string(), mode(), { error: 'must be an object of rule ids and modes' })
    .superRefine((given, context) => {
      for (const [id, value] of Object.entries(given)) {
        const message = problemWithMode(id, value);
        if (message !== null) context.addIssue({ code: 'custom', path: [id], message });
      }
    }),
);

function problemWithMode(id: string, value: PolicyMode): string | null {
  if (!id.startsWith('policy.')) return null;
  const rule = BUILT_IN_RULES.find((known) => known.id === id);
  if (rule === undefined) {
    const relaxable = BUILT_IN_RULES.filter(({ isRelaxable }) => isRelaxable).map((known) => known.id);
    return `names no built-in rule; those with a mode: ${relaxable.join(', ')}`;
  }
  if (rule.isRelaxable || value === 'enforce') return null;
  return 'must be "enforce": this rule is never relaxed, because a warning alone would not keep jobs apart';
}

const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A copy: what a caller gave is not frozen, nor read twice. */
const overrides = lazy(() =>
  z.record(z.string(), z.unknown(), { error: 'must be an object' }).transform((given, context) => {
    try {
      return structuredClone(given);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be plain data' });
      return z.NEVER;
    }
  }),
);

/** By name; what is in them is checked where they are put over the policy. */
const profiles = lazy(
  () =>
    z
      .record(z.string(), overrides(), { error: 'must be an object of names and what each changes' })
      .superRefine((given, context) => {
        for (const name of Object.keys(given)) {
          if (PROFILE_NAME.test(name)) continue;
          const message = 'must be named with 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-", not first';
          context.addIssue({ code: 'custom', path: [name], message });
        }
      }) as z.ZodType<Policy['profiles']>,
);

/** The schema of a policy without profiles, which is also that of a policy with a profile over it. */
export const profileSchema = lazy(() =>
  z.strictObject({
    images: z.strictObject({
      allow: imagePatterns('allow'),
      deny: imagePatterns('deny'),
      requireDigest: flag(),
      allowedPullPolicies: z
        .array(
          z.enum(['always', 'ifNotPresent', 'never'], {
            error: 'must be "always", "ifNotPresent" or "never"',
          }),
        )
        .min(1, 'must name at least one of always, ifNotPresent, never'),
    }),
    network: z.strictObject({
      enforceIsolation: flag(),
      defaultMode: networkMode(),
      allowedModes: z.array(networkMode()).min(1, 'must name at least one of none, bridge'),
      allowOverride: flag(),
    }),
    gpu: z.strictObject({ enabled: flag(), preflight: flag() }),
    limits: z.strictObject({ default: resources(), max: max() }),
    security: z.strictObject({
      readOnlyRootFilesystem: flag(),
      noNewPrivileges: flag(),
      init: flag(),
      capabilities: z.array(capability()),
      user: user().nullable(),
      allowRoot: flag(),
      tmpExec: flag(),
      tmpBytes: bytes(),
      tmpInodes: count(1),
      volumeBytes: bytes(),
      rootBytes: bytes().nullable(),
      runtime: text().nullable(),
      allowedRuntimes: texts(),
      mountRoots: z.array(mountRoot()),
      deniedEnvironment: texts(),
      emptiedImageVariables: texts(),
      requireAttestation: flag(),
      acceptUnenforced: z.array(
        z.enum(ENFORCED_LIMITS, { error: `must be one of ${ENFORCED_LIMITS.join(', ')}` }),
        { error: 'must be a list of limits' },
      ),
      requireEnforcement: flag(),
    }),
    secrets: z.strictObject({
      allow: texts(),
      delivery: z.enum(['any', 'file'], { error: 'must be "any" or "file"' }),
      allowDisk: flag(),
      onLeak: z.enum(['report', 'block'], { error: 'must be "report" or "block"' }),
    }),
    storage: z.strictObject({ read: texts(), write: texts() }),
    mode: mode(),
    modes: modes(),
  }),
);

/** The schema of a whole policy. */
export const policySchema = lazy(() => profileSchema().extend({ profiles: profiles() }));
