/** What a runtime is given as its ports, checked when it is made: a misspelt port must not mean that there is none. Calls none of them. Pure. */
import { canDo, type Check, each, fits, isObject, listener, only, some } from './base/shapes.js';
import { requireUsableRules } from './config/own-rules.js';
import { configError } from './config/parse.js';
import { MOUNT_ID } from './job/text-rules.js';
import type { RuntimePorts } from './runtime-ports.js';

const withMethods = (...methods: readonly string[]): Check =>
  fits((value) => canDo(value, methods), `must be an object with the methods ${methods.join(', ')}`);

/** Every key is an id that a definition can name, and every value an adapter. */
const storage: Check = (value) => {
  const adapters = each(withMethods('stat', 'list', 'read', 'write'))(value);
  const ids = isObject(value) ? Object.keys(value).filter((id) => !MOUNT_ID.test(id)) : [];
  const message =
    'is no mount id: a positive integer, or a name of a-z, 0-9 and "-" that begins with a letter';
  return [...adapters, ...ids.map((id) => ({ path: [id], message }))];
};

/** Every port: a new one without a check does not compile. */
const CHECKS: Readonly<Record<keyof RuntimePorts, Check>> = {
  engine: (value) => [
    ...withMethods('info', 'close')(value),
    ...some({ containers: withMethods('create'), images: withMethods('inspect') })(value),
  ],
  storage,
  resolveNode: listener,
  resolveSecret: listener,
  resolveRegistryAuth: listener,
  verifyImage: listener,
  // Each is looked at below.
  rules: () => [],
  onEvent: listener,
  onRuntimeEvent: listener,
  logger: withMethods('debug', 'info', 'warn', 'error'),
  runStore: withMethods('putIfAbsent'),
  audit: listener,
  clock: withMethods('now', 'monotonic'),
  random: listener,
  createId: listener,
};

/** @throws `config.invalid`, naming each port that is wrong, or each rule. */
export function requireUsablePorts(ports: RuntimePorts): void {
  const issues = only(CHECKS)(ports).map(({ path, message }) => ({
    code: 'config.invalid_value',
    path: ['ports', ...path].join('.'),
    message,
  }));
  if (issues.length > 0) throw configError(issues);
  requireUsableRules(ports.rules ?? []);
}
