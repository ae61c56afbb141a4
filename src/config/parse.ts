/** Puts configuration layers together, checks the result as a whole, and freezes it. Pure. */
import type { z } from 'zod';
import { withoutCredentials } from '../base/credentials.js';
import { deepFreeze } from '../base/deep-freeze.js';
import { nearestName } from '../base/nearest-name.js';
import { ConfigError, type Issue } from '../errors.js';
import { DEFAULT_POLICY } from '../policy/defaults.js';
import type { Policy, PolicyInput } from '../policy/policy.js';
import { DEFAULT_CONFIG } from './defaults.js';
import { mergeLayers, valueAt } from './merge.js';
import { policySchema, profileSchema } from './policy-schema.js';
import type { RuntimeConfig, RuntimeConfigInput } from './runtime-config.js';
import { configProblems, configSchema, type CrossProblem, policyProblems } from './schema.js';

/**
 * Merges layers over the defaults, the later over the earlier: objects key by key, anything else as a whole.
 *
 * @throws `config.invalid`, listing every bad value with its path and what is allowed.
 * @example
 * ```ts
 * const config = parseConfig(configFromEnv(process.env), { maxConcurrentRuns: 8 });
 * ```
 */
export function parseConfig(...layers: readonly RuntimeConfigInput[]): RuntimeConfig {
  return check(CONFIG, mergeLayers(DEFAULT_CONFIG, ...layers.map(spelledOut)));
}

function spelledOut(layer: RuntimeConfigInput): unknown {
  const recovery: unknown = valueAt(layer, ['recovery']);
  return typeof recovery === 'string' ? { ...layer, recovery: { mode: recovery } } : layer;
}

/**
 * The same for a policy alone.
 *
 * @throws `config.invalid`.
 */
export function parsePolicy(...layers: readonly PolicyInput[]): Policy {
  return check(POLICY, mergeLayers(DEFAULT_POLICY, ...layers));
}

/**
 * The policy that a profile of a checked policy makes; it has no profiles of its own.
 *
 * @throws `config.invalid`, which a policy of {@link parsePolicy} never gives.
 */
export function parseProfile({ profiles, ...base }: Policy, name: string): Policy {
  return deepFreeze({ ...check(PROFILE, mergeLayers(base, profiles[name])), profiles: {} });
}

/** Every problem of a merged configuration as an issue; empty if there is none. Used where several sources are reported as one. */
export function configIssues(merged: unknown): readonly Issue[] {
  return read(CONFIG, merged).issues;
}

/** What data is checked by. */
interface Kind<T> {
  readonly schema: () => z.ZodType<T>;
  /** Where known keys are looked up. */
  readonly defaults: unknown;
  readonly crossProblems: (value: T) => readonly CrossProblem[];
  /** Issues of data within that has a kind of its own. */
  readonly innerIssues: (value: T) => readonly Issue[];
}

type Profile = Omit<Policy, 'profiles'>;

const PROFILE: Kind<Profile> = {
  schema: profileSchema,
  defaults: DEFAULT_POLICY,
  crossProblems: policyProblems,
  innerIssues: () => [],
};
const POLICY: Kind<Policy> = {
  schema: policySchema,
  defaults: DEFAULT_POLICY,
  crossProblems: policyProblems,
  innerIssues: profileIssues,
};
const CONFIG: Kind<RuntimeConfig> = {
  schema: configSchema,
  defaults: DEFAULT_CONFIG,
  crossProblems: configProblems,
  innerIssues: ({ policy }) =>
    profileIssues(policy).map(({ path, ...rest }) => ({ ...rest, path: `policy.${path}` })),
};

function profileIssues({ profiles, ...base }: Policy): readonly Issue[] {
  // What is wrong with the policy itself is wrong with each profile too, and said once.
  const known = new Set(read(PROFILE, base).issues.map(keyOf));
  return Object.entries(profiles).flatMap(([name, overrides]) =>
    read(PROFILE, mergeLayers(base, overrides))
      .issues.filter((issue) => !known.has(keyOf(issue)))
      .map((issue) => ({ ...issue, path: `profiles.${name}.${issue.path}` })),
  );
}

const keyOf = ({ path, message }: Issue): string => `${path}: ${message}`;

function check<T>(kind: Kind<T>, merged: unknown): T {
  const { value, issues } = read(kind, merged);
  if (value === undefined || issues.length > 0) throw configError(issues);
  return deepFreeze(value);
}

function read<T>(
  { schema, defaults, crossProblems, innerIssues }: Kind<T>,
  merged: unknown,
): { readonly value?: T; readonly issues: readonly Issue[] } {
  const parsed = schema().safeParse(merged);
  if (!parsed.success) {
    return { issues: parsed.error.issues.flatMap((issue) => describe(issue, merged, defaults)) };
  }
  const issues = crossProblems(parsed.data).map(({ path, message }) => toIssue(path, message, merged));
  return { value: parsed.data, issues: [...issues, ...innerIssues(parsed.data)] };
}

/** One error for all of them. */
export function configError(issues: readonly Issue[]): ConfigError {
  const lines = issues.map(({ path, message }) => `- ${path}: ${message}`);
  return new ConfigError('config.invalid', `Invalid configuration:\n${lines.join('\n')}`, {
    details: { issues },
  });
}

function describe(issue: z.core.$ZodIssue, merged: unknown, defaults: unknown): readonly Issue[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [toIssue(path, messageOf(issue), merged)];
  const place = valueAt(defaults, path) ?? {};
  return issue.keys.map((key) => {
    const nearest = nearestName(key, Object.keys(place));
    const advice =
      nearest === undefined ? `known keys: ${Object.keys(place).join(', ')}` : `did you mean "${nearest}"?`;
    return {
      code: 'config.unknown_key',
      path: [...path, key].join('.'),
      message: `is no known key; ${advice}`,
    };
  });
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'text',
};

/** What is allowed, also where the schema has no words of its own for a wrong type. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input')) return issue.message;
  return `must be ${KINDS[issue.expected] ?? issue.expected}`;
}

function toIssue(path: readonly string[], message: string, merged: unknown): Issue {
  const shown = show(valueAt(merged, path));
  return {
    code: 'config.invalid_value',
    path: path.join('.') || '(root)',
    message: `${message}; got ${shown}`,
  };
}

const MAX_SHOWN = 80;

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return cut(JSON.stringify(withoutCredentials(value)));
  const isScalar = typeof value === 'boolean' || value === null;
  return cut(isScalar ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : typeof value);
}

const cut = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
