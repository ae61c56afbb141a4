/** Configuration from environment variables, which are given as an argument: nothing here reads the process. */
import { parseBoolean } from '../base/boolean-text.js';
import { parseByteSize } from '../base/byte-size.js';
import { withoutCredentials } from '../base/credentials.js';
import { parseDuration } from '../base/duration.js';
import { nearestName } from '../base/nearest-name.js';
import { isObject } from '../base/shapes.js';
import type { Issue } from '../errors.js';
import { DEFAULT_CONFIG } from './defaults.js';
import {
  ENVIRONMENT_VARIABLES,
  type EnvironmentVariable,
  type VariableKind,
} from './environment-variables.js';
import { mergeLayers, valueAt } from './merge.js';
import { configError, configIssues } from './parse.js';
import type { RuntimeConfigInput } from './runtime-config.js';

/** Variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ALLOWED_MODES = 'policy.network.allowedModes';

/** How variables are named. */
export interface EnvironmentOptions {
  /** Default `CATALOG_`. */
  readonly prefix?: string | undefined;
}

/**
 * Reads the variables of the Docker Job Runtime document, and `<prefix>DOCKER_…` for every other key. Gives only what is set, except: `enabled`
 * (false when unset), `workspaceRoot` (beneath `TMPDIR` or `/tmp`) and, under isolation, a default mode of `none` without override. So it goes first:
 * `parseConfig(configFromEnv(env), mine)`.
 *
 * @throws `config.invalid`, listing every bad or unknown variable with its value and what is allowed.
 */
export function configFromEnv(env: Environment, options: EnvironmentOptions = {}): RuntimeConfigInput {
  requireUsableArguments(env, options);
  const { prefix = 'CATALOG_' } = options;
  const issues: Issue[] = unknownVariables(env, prefix);
  let layer: unknown = { enabled: false, workspaceRoot: `${temporaryFolder(env)}/apphub-docker-workspaces` };
  // Where a value of the layer comes from; a relative TMPDIR would make the workspace root relative.
  const nameByPath = new Map([['workspaceRoot', 'TMPDIR']]);
  for (const variable of ENVIRONMENT_VARIABLES) {
    const name = prefix + variable.name;
    const raw = env[name];
    if (raw === undefined || isBlank(raw, variable)) continue;
    const read = READERS[variable.kind](raw.trim());
    if ('problem' in read) {
      issues.push(issue(name, raw, read.problem));
      continue;
    }
    nameByPath.set(variable.path.join('.'), name);
    layer = mergeLayers(layer, nested(variable, read.value));
  }
  const isolated = underIsolation(layer);
  issues.push(...crossIssues(mergeLayers(DEFAULT_CONFIG, layer), nameByPath, env));
  if (issues.length > 0) throw configError(issues);
  return isolated as RuntimeConfigInput;
}

/** A misspelt `prefix` must not mean the variables of another one, nor a missing environment that nothing is set. */
function requireUsableArguments(env: unknown, options: unknown): void {
  const problems = [
    ...(isObject(env) ? [] : [['env', 'must be an object of variables']]),
    ...(isObject(options) ? [] : [['options', 'must be an object']]),
    ...Object.entries(Object(options) as object).flatMap(([name, value]) => {
      if (name !== 'prefix') return [[`options.${name}`, 'is unknown; known is prefix']];
      return value === undefined || typeof value === 'string' ? [] : [['options.prefix', 'must be text']];
    }),
  ];
  if (problems.length === 0) return;
  throw configError(
    problems.map(([path = '', message = '']) => ({ code: 'config.invalid_value', path, message })),
  );
}

/** A list of allowed modes without an entry is as good as none, after the document's software: no mode at all would forbid every run. */
function isBlank(raw: string, { path }: EnvironmentVariable): boolean {
  const isModes = path.join('.') === ALLOWED_MODES;
  return isModes ? listOf(raw).length === 0 : raw.trim() === '';
}

type Reading = { readonly value: unknown } | { readonly problem: string };

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const READERS: Readonly<Record<VariableKind, (text: string) => Reading>> = {
  boolean: (text) => toReading(parseBoolean(text)),
  bytes: (text) => toReading(parseByteSize(text)),
  bytesOrUnlimited: (text) =>
    /^(0|unlimited)$/i.test(text) ? { value: null } : withNote(limitOf(text), ', or 0 or "unlimited"'),
  milliseconds: (text) => toReading(parseDuration(text)),
  number: (text) => {
    const isNumber = /^\d+(\.\d+)?$/.test(text);
    return isNumber ? { value: Number(text) } : { problem: 'must be a number' };
  },
  text: (text) => ({ value: text }),
  lowerText: (text) => ({ value: text.toLowerCase() }),
  list: (text) => ({ value: listOf(text) }),
  lowerList: (text) => ({ value: [...new Set(listOf(text.toLowerCase()))] }),
};

function toReading(
  parsed: { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string },
): Reading {
  return parsed.ok ? { value: parsed.value } : { problem: parsed.problem };
}

/** Only a bare 0 means no limit: `0k` is more likely a slip than a wish for none. */
function limitOf(text: string): Reading {
  const parsed = parseByteSize(text);
  return parsed.ok && parsed.value === 0 ? { problem: 'must be at least 1 byte' } : toReading(parsed);
}

function withNote(reading: Reading, note: string): Reading {
  return 'problem' in reading ? { problem: reading.problem + note } : reading;
}

function temporaryFolder(env: Environment): string {
  const folder = env['TMPDIR']?.trim() ?? '';
  return folder === '' ? '/tmp' : folder.replace(/(?<=.)\/+$/, '');
}

function nested({ path }: EnvironmentVariable, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);
}

/** The document's rule: isolation forces the mode `none` and no override, whatever else is set. */
function underIsolation(layer: unknown): unknown {
  const isolation = valueAt(layer, ['policy', 'network', 'enforceIsolation']) ?? true;
  if (isolation !== true) return layer;
  return mergeLayers(layer, { policy: { network: { defaultMode: 'none', allowOverride: false } } });
}

/** What is wrong with the merged values, said in the names of the variables that set them. */
function crossIssues(
  merged: unknown,
  nameByPath: ReadonlyMap<string, string>,
  env: Environment,
): readonly Issue[] {
  // Two bad entries of one list are one bad variable.
  const found = new Map<string, { name: string; problem: string; entries: Set<string> }>();
  const others: Issue[] = [];
  for (const { path, message } of configIssues(merged)) {
    const name = [path, counterpartOf(path)].flatMap((each) => nameFor(each, nameByPath) ?? [])[0];
    const [, problem = message, entry = null] = /^(.*); got (.*)$/s.exec(message) ?? [];
    if (name === undefined) {
      others.push({ code: 'config.invalid_value', path, message });
      continue;
    }
    const one = found.get(`${name}: ${problem}`) ?? { name, problem, entries: new Set() };
    if (entry !== null && !nameByPath.has(path)) one.entries.add(entry);
    found.set(`${name}: ${problem}`, one);
  }
  const own = [...found.values()].map(({ name, problem, entries }) =>
    issue(name, env[name] ?? '', problem, [...entries]),
  );
  return [...own, ...others];
}

function nameFor(path: string, nameByPath: ReadonlyMap<string, string>): string | undefined {
  return [...nameByPath].find(([known]) => path === known || path.startsWith(`${known}.`))?.[1];
}

/** The other key of a rule between two, which is at fault where the first has its default. */
function counterpartOf(path: string): string {
  return path === 'policy.network.defaultMode' ? ALLOWED_MODES : path.replace('.default.', '.max.');
}

function unknownVariables(env: Environment, prefix: string): Issue[] {
  // Without a prefix they stand among Docker's own, such as DOCKER_HOST.
  if (prefix === '') return [];
  const known = ENVIRONMENT_VARIABLES.map(({ name }) => prefix + name);
  return Object.keys(env)
    .filter((name) => name.startsWith(`${prefix}DOCKER_`) && env[name] !== undefined && !known.includes(name))
    .map((name) => {
      const nearest = nearestName(name, known);
      const message = `is no known variable${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
      return { code: 'config.unknown_variable', path: name, message };
    });
}

const MAX_SHOWN = 120;

/** `entries`: which of several in a list it is about, as they are shown. */
function issue(name: string, raw: string, problem: string, entries: readonly string[] = []): Issue {
  const whole = JSON.stringify(withoutCredentials(raw).slice(0, MAX_SHOWN));
  const isPart = entries.length > 0 && entries.length < listOf(raw).length;
  const got = isPart ? `${entries.join(', ')} in ${whole}` : whole;
  return { code: 'config.invalid_value', path: name, message: `${problem}; got ${got}` };
}
