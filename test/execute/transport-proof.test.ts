/** An engine sees a folder when what is in it comes back; it does not when something else does, or when it takes all but the folder. Anything else proves neither. */
import { EngineError } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { pack } from 'tar-stream';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, EngineContainers } from '../../src/engine/types.js';
import { createTransportMemory, type Proof, proveSeen } from '../../src/execute/transport-proof.js';
import { checkingSignals } from './signal-check.js';
import { specOf } from './spec-fixture.js';

const SPEC = {
  ...specOf(),
  name: 'r1-files',
  mounts: [{ type: 'bind', source: '/w', target: '/berthkit', readOnly: true }] as const,
};
const PATH = '/berthkit/marker';
const MARKER = 'only-we-know';
const MISSING = new EngineError('engine.not_found', 'no such file');
const REFUSED = new EngineError('engine.failed', 'not allowed');
const AWAY = new EngineError('engine.unreachable', 'gone');

interface TarEntry {
  readonly name: string;
  readonly content?: string;
  readonly type?: 'directory';
}
const tarOf = (entries: readonly TarEntry[]): AsyncIterable<Uint8Array> => {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry(header, content);
  tar.finalize();
  return tar as AsyncIterable<Uint8Array>;
};

interface Script {
  /** What comes of the creations, one after the other; what is left out succeeds. */
  readonly creations?: readonly (Error | null)[];
  /** What is copied out; absent: the marker. */
  readonly copied?: Error | readonly TarEntry[] | 'nothing';
  readonly marker?: string;
  readonly isGone?: boolean;
  readonly root?: Error | 'directory' | null;
}

function proving({ creations = [], marker = MARKER, ...script }: Script) {
  const { copied = [{ name: 'marker', content: marker }] } = script;
  const fake = fakeEngine();
  const calls: string[] = [];
  const stop = new AbortController();
  let created = 0;
  const containers: EngineContainers = {
    ...fake.containers,
    create: async ({ name, mounts }) => {
      calls.push(`create ${name} with ${String(mounts.length)}`);
      const failure = creations[created] ?? null;
      created += 1;
      if (failure !== null) throw failure;
      return Promise.resolve({ id: `id-${String(created)}`, warnings: [] });
    },
    copyOut: async (id, path) => {
      calls.push(`copy ${path} of ${id}`);
      if (copied instanceof Error) throw copied;
      return Promise.resolve(copied === 'nothing' ? (undefined as never) : tarOf(copied));
    },
    inspect: async (id) => {
      calls.push(`inspect ${id}`);
      const own = await fake.containers.create({ ...SPEC, mounts: [] });
      return script.isGone === true ? null : fake.containers.inspect(own.id);
    },
    lookAt: async (id, path) => {
      calls.push(`look at ${path} of ${id}`);
      if (script.root instanceof Error) throw script.root;
      return Promise.resolve(script.root ?? null);
    },
  };
  const prove = async (
    change: (containers: EngineContainers) => EngineContainers = (own) => own,
  ): Promise<Proof> =>
    proveSeen({
      engine: { ...fake, containers: change(containers) },
      ...{ spec: SPEC, path: PATH, marker, signal: stop.signal },
      leaving: { afterMs: 60_000, told: () => undefined },
      remove: async () => Promise.resolve(void calls.push('remove')),
    });
  return { prove, calls, stop };
}

describe('a folder', () => {
  it('is seen when the marker in it comes back', async () => {
    const { prove, calls } = proving({});
    expect(await prove()).toBe('seen');
    expect(calls).toEqual(['create r1-files with 1', `copy ${PATH} of id-1`]);
  });

  it.each<[string, readonly TarEntry[]]>([
    ['another marker', [{ name: 'marker', content: 'somebody-else’s' }]],
    ['a folder', [{ name: 'marker', type: 'directory' }]],
    ['nothing at all', []],
    [
      'the marker behind something else',
      [
        { name: 'x', type: 'directory' },
        { name: 'marker', content: MARKER },
      ],
    ],
  ])('is not seen when %s comes back', async (_, copied) => {
    expect(await proving({ copied }).prove()).toBe('unseen');
  });

  it.each([
    [1_024, 'seen'],
    [1_025, 'unseen'],
  ] as const)('is not read beyond what a marker may be: %s bytes are %s', async (bytes, proof) => {
    const marker = '.'.repeat(bytes);
    const { prove } = proving({ marker, copied: [{ name: 'marker', content: marker }] });
    expect(await prove()).toBe(proof);
  });

  it.each([
    ['refuses to show it', { copied: REFUSED }],
    ['shows nothing', { copied: 'nothing' }],
  ] as const)('is neither where the engine %s', async (_, script) => {
    expect(await proving(script).prove()).toBeNull();
  });

  it.each<[string, Script]>([
    ['copyOut', {}],
    ['lookAt', { copied: MISSING }],
  ])('is neither where the engine has no call %s', async (call, script) => {
    const { prove } = proving(script);
    expect(await prove((containers) => ({ ...containers, [call]: undefined }))).toBeNull();
  });

  it('is asked for with a signal by which each call can be given up', async () => {
    const without: string[] = [];
    const { prove } = proving({ creations: [REFUSED], copied: MISSING });
    await prove((containers) => checkingSignals(containers, without));
    expect(without).toEqual([]);
  });

  it.each<[string, keyof EngineContainers, Script]>([
    ['create', 'create', {}],
    ['copy out', 'copyOut', {}],
    ['inspect', 'inspect', { copied: MISSING }],
    ['look at a path', 'lookAt', { copied: MISSING }],
  ])('is not asked about for ever: %s', async (name, call, script) => {
    vi.useFakeTimers();
    try {
      const told = vi.fn();
      const hanging = async (): Promise<never> => new Promise<never>(() => undefined);
      const { prove } = proving(script);
      prove((containers) => ({ ...containers, [call]: hanging })).catch(told);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(told.mock.lastCall).toMatchObject([
        { code: 'engine.unreachable', message: `the engine did not answer "${name}" within 60000 ms` },
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is not asked about where the engine is away', async () => {
    await expect(proving({ copied: AWAY }).prove()).rejects.toBe(AWAY);
    const bug = new TypeError('a bug');
    await expect(proving({ creations: [bug] }).prove()).rejects.toBe(bug);
  });
});

describe('a marker that is not there', () => {
  it('means that the folder is not seen, where the engine shows another one', async () => {
    const { prove, calls } = proving({ copied: MISSING, root: 'directory' });
    expect(await prove()).toBe('unseen');
    expect(calls.slice(2)).toEqual(['inspect id-1', 'look at / of id-1']);
  });

  it.each([
    ['knows no such call', null],
    ['refuses it', REFUSED],
    ['says the same of every path', MISSING],
  ])('means nothing where the engine %s', async (_, root) => {
    expect(await proving({ copied: MISSING, root }).prove()).toBeNull();
  });

  it('means nothing where somebody removed the container, which is told', async () => {
    await expect(proving({ copied: MISSING, isGone: true }).prove()).rejects.toMatchObject({
      code: 'engine.not_found',
      message: 'The container r1-files was removed by somebody else.',
    });
  });
});

describe('an engine that refuses the container', () => {
  it('does not see the folder if it takes the same without it, and refuses it twice', async () => {
    const { prove, calls } = proving({ creations: [REFUSED, null, REFUSED] });
    expect(await prove()).toBe('unseen');
    const again = 'create r1-files with 1';
    expect(calls).toEqual([again, 'remove', 'create r1-files with 0', 'remove', again]);
  });

  it('once only is asked as if it had not', async () => {
    const { prove, calls } = proving({ creations: [MISSING] });
    expect(await prove()).toBe('seen');
    expect(calls.at(-1)).toBe(`copy ${PATH} of id-3`);
  });

  it('also without the folder has other reasons, which are told', async () => {
    await expect(proving({ creations: [REFUSED, REFUSED] }).prove()).rejects.toBe(REFUSED);
  });

  it('is not asked again by a run that is over', async () => {
    const { prove, calls, stop } = proving({ creations: [REFUSED] });
    stop.abort(new Error('enough'));
    await expect(prove()).rejects.toThrow('enough');
    expect(calls).toEqual([]);
  });
});

describe('what was found out', () => {
  const { signal } = new AbortController();

  it('of one engine is not asked again, and says nothing of another', async () => {
    const memory = createTransportMemory();
    const [one, other]: ContainerEngine[] = [fakeEngine(), fakeEngine()];
    if (one === undefined || other === undefined) throw new Error('no engine');
    const asked: string[] = [];
    const find = (name: string, proof: Proof) => async (): Promise<Proof> => {
      asked.push(name);
      return Promise.resolve(proof);
    };
    expect(await memory.proofOf(one, find('one', null), signal)).toBeNull();
    expect(await memory.proofOf(one, find('one again', 'seen'), signal)).toBeNull();
    expect(await memory.proofOf(other, find('other', 'unseen'), signal)).toBe('unseen');
    expect(asked).toEqual(['one', 'other']);
  });

  it('is waited for by who comes meanwhile, until he has had enough', async () => {
    const memory = createTransportMemory();
    const engine = fakeEngine();
    let settle: (proof: Proof) => void = () => undefined;
    const first = memory.proofOf(engine, async () => new Promise((resolve) => (settle = resolve)), signal);
    const never = async (): Promise<Proof> => Promise.reject(new Error('asked twice'));
    const second = memory.proofOf(engine, never, signal);
    const impatient = new AbortController();
    const third = memory.proofOf(engine, never, impatient.signal);
    impatient.abort('enough');
    await expect(third).rejects.toBe('enough');
    settle('unseen');
    expect(await Promise.all([first, second])).toEqual(['unseen', 'unseen']);
  });

  it('is forgotten if it failed: all who waited ask at once, and who comes after them waits for the last', async () => {
    const memory = createTransportMemory();
    const engine = fakeEngine();
    const asked: { settle: (proof: Proof) => void; fail: (error: Error) => void }[] = [];
    const asking = async (): Promise<Proof> =>
      new Promise((settle, fail) => {
        asked.push({ settle, fail });
      });
    const first = memory.proofOf(engine, asking, signal);
    const waited = [memory.proofOf(engine, asking, signal), memory.proofOf(engine, asking, signal)];
    asked[0]?.fail(AWAY);
    await expect(first).rejects.toBe(AWAY);
    await expect.poll(() => asked.length).toBe(3);
    asked[1]?.fail(AWAY);
    await expect(waited[0]).rejects.toBe(AWAY);
    const later = memory.proofOf(engine, async () => Promise.reject(new Error('asked again')), signal);
    asked[2]?.settle('seen');
    expect(await Promise.all([waited[1], later])).toEqual(['seen', 'seen']);
  });
});
