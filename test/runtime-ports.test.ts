/** What a runtime may be given as its ports: one that cannot be used, or is misspelt, is refused when the runtime is made. */
import { ConfigError, createRuntime, memoryRunStore, memoryStorage, type RuntimePorts } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';

const making = (ports: unknown) => (): unknown => createRuntime({}, ports as RuntimePorts);

const FUNCTION = 'must be a function';
const ADAPTER = 'must be an object with the methods stat, list, read, write';

describe('ports are refused', () => {
  it.each<[path: string, message: string, ports: unknown]>([
    ['ports', 'must be an object', null],
    ['ports', 'must be an object', 'x'],
    ['ports.verifyImages', 'is unknown; did you mean "verifyImage"?', { verifyImages: () => true }],
    ['ports.rule', 'is unknown; did you mean "rules"?', { rule: [] }],
    ['ports.verifyImage', FUNCTION, { verifyImage: true }],
    ['ports.resolveSecret', FUNCTION, { resolveSecret: { a: 'b' } }],
    ['ports.resolveNode', FUNCTION, { resolveNode: 'x' }],
    ['ports.resolveRegistryAuth', FUNCTION, { resolveRegistryAuth: {} }],
    ['ports.onEvent', FUNCTION, { onEvent: 1 }],
    ['ports.onRuntimeEvent', FUNCTION, { onRuntimeEvent: 1 }],
    ['ports.audit', FUNCTION, { audit: { write: () => undefined } }],
    ['ports.random', FUNCTION, { random: 0.5 }],
    ['ports.createId', FUNCTION, { createId: 'x' }],
    ['ports.storage', 'must be an object', { storage: 'files' }],
    ['ports.storage', 'must be an object', { storage: [memoryStorage()] }],
    ['ports.storage.5', ADAPTER, { storage: { 5: {} } }],
    ['ports.storage.5', ADAPTER, { storage: { 5: undefined } }],
    ['ports.storage.My files', 'is no mount id', { storage: { 'My files': memoryStorage() } }],
    ['ports.storage.05', 'is no mount id', { storage: { '05': memoryStorage() } }],
    ['ports.engine', 'must be an object with the methods info, close', { engine: {} }],
    [
      'ports.engine.containers',
      'must be an object with the methods create',
      { engine: { ...fakeEngine(), containers: {} } },
    ],
    ['ports.logger', 'must be an object with the methods debug, info, warn, error', { logger: console.log }],
    ['ports.runStore', 'must be an object with the methods putIfAbsent', { runStore: {} }],
    ['ports.clock', 'must be an object with the methods now, monotonic', { clock: { now: Date.now } }],
  ])('%s: %s', (path, message, ports) => {
    expect(making(ports)).toThrow(ConfigError);
    expect(making(ports)).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        message: expect.stringContaining(`- ${path}: ${message}`) as unknown,
        details: {
          issues: [
            {
              code: 'config.invalid_value',
              path,
              message: expect.stringContaining(message) as unknown,
            },
          ],
        },
      }) as Error,
    );
  });

  it('all at once', () => {
    const ports = { onEvents: () => undefined, clock: 5, storage: { x: null } };
    expect(making(ports)).toThrow(/ports\.onEvents: [^]*ports\.storage\.x: [^]*ports\.clock: /);
  });
});

describe('ports', () => {
  it('may be left out, be undefined, or come from a prototype', async () => {
    class Services {
      onEvent(): void {
        // Nothing to do.
      }
    }
    const given: RuntimePorts[] = [
      {},
      { engine: undefined, storage: undefined, verifyImage: undefined },
      new Services(),
      {
        engine: fakeEngine(),
        storage: { 5: memoryStorage(), scratch: memoryStorage() },
        runStore: memoryRunStore(),
        logger: console,
        clock: { now: () => 0, monotonic: () => 0 },
      },
    ];
    for (const ports of given) await createRuntime({}, ports).close();
  });
});
