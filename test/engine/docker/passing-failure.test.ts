import { describe, expect, it } from 'vitest';
import { StatusFailure } from '../../../src/engine/docker/errors.js';
import { askAgain } from '../../../src/engine/docker/passing-failure.js';
import type { ContainerEngine } from '../../../src/engine/types.js';
import { scriptedEngine } from './scripted-engine.js';

const id = 'a'.repeat(64);
const ENDED = 'read /proc/18886/cgroup: no such process';
const READING = 'open /proc/18886/cgroup: no such file or directory';
const inspection = (Status: string) => ({ Id: id, Name: '/n', State: { Status }, SizeRw: 7 });

/** Answers the first requests with status 500 and these words, the others as it is told. */
async function failingAtFirst(words: readonly string[], answer: (line: string) => unknown) {
  const left = [...words];
  return scriptedEngine({
    onRequest: ({ line, json }) => {
      const message = left.shift();
      if (message === undefined) json(200, answer(line));
      else json(500, { message });
    },
  });
}

describe('a process that ended while the engine looked at it', () => {
  it.each<[string, (engine: ContainerEngine) => Promise<unknown>, unknown, unknown]>([
    ['inspect', ({ containers }) => containers.inspect(id), inspection('running'), { status: 'running' }],
    ['list', ({ containers }) => containers.list({}), [{ Id: id, State: 'exited' }], [{ id }]],
    ['stats', ({ containers }) => containers.stats?.(id) ?? Promise.resolve(), {}, {}],
    ['writtenBytes', async ({ containers }) => containers.writtenBytes?.(id), inspection('exited'), 7],
  ])('has %s ask again', async (_name, call, body, expected) => {
    const { engine, lines } = await failingAtFirst([ENDED, READING], () => body);
    const answer = await call(engine);
    if (typeof expected === 'number') expect(answer).toBe(expected);
    else expect(answer).toMatchObject(expected as object);
    expect(lines).toEqual(Array<unknown>(3).fill(lines[0]));
  });

  it('has wait ask again, for the state and for the end', async () => {
    const failures = [ENDED];
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ line, json }) => {
        if (line.startsWith('GET')) json(200, inspection('running'));
        else if (failures.shift() === undefined) json(200, { StatusCode: 0 });
        else json(500, { message: ENDED });
      },
    });
    await engine.containers.wait(id);
    expect(lines.filter((line) => line.startsWith('POST'))).toHaveLength(2);

    const looking = await failingAtFirst([ENDED], () => inspection('exited'));
    await looking.engine.containers.wait(id);
    expect(looking.lines).toHaveLength(2);
  });

  it('is told in the end when it does not pass', async () => {
    const { engine, lines } = await scriptedEngine({
      onRequest: ({ json }) => json(500, { message: ENDED }),
    });
    await expect(engine.containers.inspect(id)).rejects.toMatchObject({
      code: 'engine.failed',
      message: expect.stringContaining(ENDED) as string,
      details: { statusCode: 500 },
    });
    expect(lines).toHaveLength(4);
  });

  it('is not waited for when the signal aborts', async () => {
    const controller = new AbortController();
    let asked = 0;
    const ask = () => {
      asked += 1;
      // After the failure, which is within this turn: in the pause.
      setImmediate(() => {
        controller.abort();
      });
      return Promise.reject(new StatusFailure(500, ENDED));
    };
    await expect(askAgain({ signal: controller.signal }, ask)).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked).toBe(1);
  });

  it.each([
    [500, 'disk full'],
    [409, ENDED],
  ])('is not what status %i with “%s” is about', async (status, message) => {
    const { engine, lines } = await scriptedEngine({ onRequest: ({ json }) => json(status, { message }) });
    await expect(engine.containers.inspect(id)).rejects.toThrow(message);
    expect(lines).toHaveLength(1);
  });
});
