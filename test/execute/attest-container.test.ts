/** A created container is attached to while it is compared with what was asked for; nothing stays open where the two do not agree. */
import { EngineError } from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ContainerEngine, OutputChunk } from '../../src/engine/types.js';
import { attachInTime } from '../../src/execute/attach.js';
import { attachAttested } from '../../src/execute/attest-container.js';
import { specOf } from './spec-fixture.js';

async function attesting(
  script: FakeEngineScript,
  change: (engine: ContainerEngine) => ContainerEngine = (own) => own,
) {
  const fake = fakeEngine(script);
  const spec = specOf();
  const info = await fake.images.inspect('busybox:1');
  const { id } = await fake.containers.create({ ...spec, image: info?.id ?? spec.image });
  const asked: boolean[] = [];
  let closed = 0;
  const counting: ContainerEngine = {
    ...fake,
    containers: {
      ...fake.containers,
      attach: async (...given) => {
        asked.push(given[1].stdin);
        const attachment = await fake.containers.attach(...given);
        return {
          ...attachment,
          close: () => {
            closed += 1;
            attachment.close();
          },
        };
      },
    },
  };
  const warnings: string[] = [];
  const attach = async (isCompared = true) =>
    attachAttested(id, {
      engine: change(counting),
      spec: { ...spec, image: info?.id ?? spec.image },
      image: isCompared ? info : null,
      stdin: false,
      signal: new AbortController().signal,
      onWarning: (message) => void warnings.push(message),
    });
  return { attach, warnings, asked, closed: () => closed, name: spec.name };
}

describe('an attachment', () => {
  it('that arrives after a stop is closed', async () => {
    const fake = fakeEngine();
    const stop = new AbortController();
    let arrive = (): void => undefined;
    const arriving = new Promise<void>((resolve) => (arrive = resolve));
    const close = vi.fn();
    const late: ContainerEngine = {
      ...fake,
      containers: {
        ...fake.containers,
        attach: async () => {
          await arriving;
          return { output: nothing(), stdin: null, close };
        },
      },
    };
    const attaching = attachInTime(late, 'id', { stdin: false, signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(attaching).rejects.toThrow('stopped');
    expect(close).not.toHaveBeenCalled();
    arrive();
    await vi.waitFor(() => expect(close).toHaveBeenCalledOnce(), { timeout: 60_000 });
  });
});

// eslint-disable-next-line @typescript-eslint/require-await -- an iteration that is over at once
async function* nothing(): AsyncGenerator<OutputChunk> {
  yield* [];
}

describe('a container', () => {
  it('that is what was asked for is attached to, without a word', async () => {
    const { attach, warnings, asked, closed } = await attesting({});
    const attachment = await attach();
    expect([warnings, asked, closed()]).toEqual([[], [false], 0]);
    attachment.close();
  });

  it('that differs is let go of, and the first five differences are told in full', async () => {
    const { attach, closed, name } = await attesting({
      applied: () => ({
        ...{
          privileged: true,
          init: false,
          networkMode: 'host',
          user: '0:0',
          workingDirectory: '/elsewhere',
        },
        ...{ readOnlyRootFilesystem: false, entryPoint: ['evil'] },
      }),
    });
    const failure = await attach().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'policy.violated',
      hint: expect.stringContaining('docker info') as string,
    });
    const { message, details } = failure as { message: string; details: { differences: readonly unknown[] } };
    expect(message).toMatch(
      new RegExp(`^container ${name} is not what was asked for, so it was not started: `),
    );
    expect(message.split('; ')).toHaveLength(6);
    expect(message).toMatch(new RegExp(`; and ${String(details.differences.length - 5)} more$`));
    expect(closed()).toBe(1);
  });

  it('with a single difference has that one told, and nothing more', async () => {
    const { attach } = await attesting({ applied: () => ({ privileged: true }) });
    await expect(attach()).rejects.toThrow(/not started: privileged: true instead of false$/);
  });

  it('that is not to be compared is only attached to', async () => {
    const { attach, warnings } = await attesting({ applied: () => ({ privileged: true }) });
    (await attach(false)).close();
    expect(warnings).toEqual([]);
  });

  it('with open swap alone is a warning where the engine cannot limit it, and refused where it can', async () => {
    const applied: FakeEngineScript['applied'] = ({ resources }) => ({
      resources: { ...resources, swapBytes: null },
    });
    const { attach, warnings } = await attesting({ applied, limitsSwap: false });
    (await attach()).close();
    expect(warnings).toEqual(['the engine cannot limit swap: the job may use more of it than it has memory']);
    await expect((await attesting({ applied, limitsSwap: true })).attach()).rejects.toThrow(
      'resources.swapBytes',
    );
    const other: FakeEngineScript['applied'] = ({ resources }) => ({
      resources: { ...resources, swapBytes: 5 },
    });
    await expect((await attesting({ applied: other, limitsSwap: false })).attach()).rejects.toThrow(
      'swapBytes',
    );
    const both: FakeEngineScript['applied'] = (faithful) => ({ ...applied(faithful), privileged: true });
    await expect((await attesting({ applied: both, limitsSwap: false })).attach()).rejects.toThrow(
      'privileged',
    );
  });

  it('that is gone by then is not found, and nothing stays open', async () => {
    const { attach, closed, name } = await attesting({}, (engine) => ({
      ...engine,
      containers: { ...engine.containers, inspect: async () => Promise.resolve(null) },
    }));
    await expect(attach()).rejects.toMatchObject({
      code: 'engine.not_found',
      message: `container ${name} was removed before its start`,
    });
    expect(closed()).toBe(1);
  });

  it('that cannot be attached to is a failure of that, unless it also differs', async () => {
    const detached = (engine: ContainerEngine): ContainerEngine => ({
      ...engine,
      containers: {
        ...engine.containers,
        attach: async () => Promise.reject(new EngineError('engine.failed', 'no streams')),
      },
    });
    await expect((await attesting({}, detached)).attach()).rejects.toThrow('no streams');
    const differs = await attesting({ applied: () => ({ privileged: true }) }, detached);
    await expect(differs.attach()).rejects.toMatchObject({ code: 'policy.violated' });
  });
});
