/** What a fake engine is told, checked when it is made: a misspelt name must not mean that nothing was said. Pure. */
import { type Check, each, fits, isObject, listener, only, within } from '../base/shapes.js';
import { ConfigError } from '../errors.js';
import type { EngineCall, FakeEngineScript, FakeFailure, FakeImage } from './fake-script.js';

const truth = fits((value) => typeof value === 'boolean', 'must be true or false');
const text = fits((value) => typeof value === 'string', 'must be text');
const count = fits((value) => typeof value === 'number' && value >= 0, 'must be a number, not less than 0');
const list = fits(Array.isArray, 'must be a list');
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) ? value.flatMap((entry, index) => within(String(index), check(entry))) : list(value);
const texts = listOf(text);
const anything: Check = () => [];

/** Every call: a new one that is not here does not compile. */
const CALLS: Readonly<Record<EngineCall, true>> = {
  ...{ info: true, events: true, 'networks.list': true },
  ...{ 'containers.create': true, 'containers.attach': true, 'containers.start': true },
  ...{ 'containers.wait': true, 'containers.kill': true, 'containers.remove': true },
  ...{ 'containers.inspect': true, 'containers.list': true, 'containers.stats': true },
  ...{ 'containers.writtenBytes': true, 'containers.copyIn': true, 'containers.copyOut': true },
  'containers.lookAt': true,
  ...{ 'volumes.create': true, 'volumes.remove': true, 'volumes.list': true, 'volumes.usedBytes': true },
  ...{ 'images.pull': true, 'images.inspect': true, 'images.list': true, 'images.remove': true },
  ...{ 'images.tag': true, 'images.history': true, 'images.push': true, 'images.export': true },
  ...{ 'images.import': true, 'images.resolveDigest': true, 'images.build': true },
};

const FAILURE: Readonly<Record<keyof FakeFailure, Check>> = {
  call: fits(
    (value) => typeof value === 'string' && Object.hasOwn(CALLS, value),
    `must be one of ${Object.keys(CALLS).join(', ')}`,
  ),
  // Of whatever realm: test runners have their own.
  error: fits(isObject, 'must be an Error'),
  when: fits((value) => value === 'before' || value === 'after', 'must be "before" or "after"'),
  skip: count,
  times: count,
  hang: truth,
};

const IMAGE: Readonly<Record<keyof FakeImage, Check>> = {
  volumes: texts,
  entryPoint: texts,
  command: texts,
  workingDirectory: text,
  user: text,
  environment: texts,
  digest: text,
  credentials: anything,
  id: text,
  sizeBytes: count,
  operatingSystem: text,
  architecture: text,
  variant: text,
};

/** Everything a script may say: what is new and not here does not compile. */
const SCRIPT: Readonly<Record<keyof FakeEngineScript, Check>> = {
  run: listener,
  buildOutput: texts,
  images: each(only(IMAGE)),
  pullable: each(only(IMAGE)),
  pushable: texts,
  pullProgress: list,
  startExitCode: fits(
    (value) => value === 126 || value === 127 || typeof value === 'function',
    'must be 126, 127 or a function',
  ),
  fail: listOf(only(FAILURE)),
  applied: fits((value) => value === null || typeof value === 'function', 'must be a function or null'),
  cpus: count,
  memoryBytes: count,
  limitsSwap: truth,
  events: truth,
  volumes: truth,
  volumeBytes: truth,
  seesFiles: truth,
  volumeSubpaths: truth,
  gaps: list,
  liveRestore: truth,
  runtimes: texts,
  showsGpu: truth,
  system: anything,
  networks: list,
  stuck: truth,
};

/** @throws `config.invalid` with everything that is wrong. */
export function requireScript(script: FakeEngineScript): void {
  const issues = only(SCRIPT)(script).map(({ path, message }) => ({
    code: 'config.invalid_value',
    path: ['script', ...path].join('.'),
    message,
  }));
  if (issues.length === 0) return;
  const lines = issues.map(({ path, message }) => `- ${path} ${message}`);
  throw new ConfigError('config.invalid', `Invalid script of a fake engine:\n${lines.join('\n')}`, {
    details: { issues },
  });
}
