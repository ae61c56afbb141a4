/** Where the bytes of an input are: at hand, at a path of a storage, or where the host's resolver says, which is trusted no more than a storage. */
import { describe, expect, it } from 'vitest';
import { PolicyError } from '../../src/errors.js';
import type { InputSource } from '../../src/plan/container-spec.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { locateSource, type NodeResolver } from '../../src/workspace/input-sources.js';
import { noSignal } from '../host/scratch.js';
import { fromData } from './plan-fixture.js';

const data = memoryStorage();
const NODE: InputSource = { type: 'filestoreNode', nodeId: 'n7' };
const locate = async (
  source: InputSource,
  resolveNode?: NodeResolver,
  signal: AbortSignal = noSignal(),
  id: string | null = 'words',
) => {
  const input = { id, source, workspacePath: 'in', mountPath: null, optional: false };
  return locateSource(input, { data, 7: data }, resolveNode, signal);
};
const answering =
  (answer: unknown): NodeResolver =>
  async () =>
    Promise.resolve(answer as Awaited<ReturnType<NodeResolver>>);

describe('the source of an input', () => {
  it.each([
    ['utf8', 'tëxt', 'tëxt'],
    ['base64', 'dMOreHQ=', 'tëxt'],
  ] as const)('is at hand in the definition (%s)', async (encoding, content, text) => {
    const source = await locate({ type: 'inline', content, encoding });
    expect(source).toEqual({ kind: 'bytes', bytes: Buffer.from(text) });
  });

  it.each([
    ['a/b', 'a/b'],
    ['/a//b/', 'a/b'],
    ['/', ''],
    ['', ''],
  ])('is at a path of a storage, however that is written: %j', async (path, relative) => {
    const place = { adapter: data, mountId: 'data', purpose: 'input "words"' };
    expect(await locate(fromData(path))).toEqual({ kind: 'storage', place, path: relative });
  });

  it('is never at a path that leads out', async () => {
    await expect(locate(fromData('a/../../b'))).rejects.toMatchObject({
      code: 'storage.failed',
      message: expect.stringMatching(/^input "words": the path "a\/\.\.\/\.\.\/b" \S/) as string,
    });
    await expect(locate(NODE, answering({ mountId: 'data', path: '..' }))).rejects.toMatchObject({
      code: 'storage.failed',
    });
  });
});

describe('the source of an input that is a node', () => {
  it('is where the resolver says, also by a number', async () => {
    const found = await locate(NODE, answering({ mountId: 'data', path: '/x' }));
    expect(found).toMatchObject({ place: { mountId: 'data' }, path: 'x' });
    const numbered = await locate(NODE, answering({ mountId: 7, path: 'x' }));
    expect(numbered).toMatchObject({ place: { mountId: '7' } });
  });

  it('is nowhere if the resolver says so, or if there is none', async () => {
    expect(await locate(NODE, answering(null))).toBeNull();
    expect(await locate(NODE, answering(undefined))).toBeNull();
    expect(await locate(NODE)).toBeNull();
  });

  it.each([
    ['no mount', { path: 'x' }],
    ['no path', { mountId: 'data' }],
    ['a path that is a number', { mountId: 'data', path: 7 }],
    ['a mount that is an object', { mountId: {}, path: 'x' }],
    ['a text', 'data/x'],
  ])('is not understood with %s', async (_, answer) => {
    await expect(locate(NODE, answering(answer))).rejects.toMatchObject({
      code: 'storage.failed',
      message: 'input "words": node "n7" was not resolved to { mountId, path }',
    });
  });

  it.each([
    ['an error', new Error('no table'), 'no table'],
    ['anything else', 'no table', 'no table'],
  ])('is not known where the resolver throws %s', async (_, problem, words) => {
    const thrower: NodeResolver = () => {
      throw problem;
    };
    for (const resolver of [thrower, async () => Promise.reject(problem)]) {
      await expect(locate(NODE, resolver, noSignal(), null)).rejects.toMatchObject({
        code: 'storage.failed',
        message: `input "in": node "n7" could not be resolved: ${words}`,
        cause: problem,
      });
    }
  });

  it('is refused where the resolver says that the policy does not let it be', async () => {
    const denied = new PolicyError('policy.denied', 'not yours');
    await expect(locate(NODE, async () => Promise.reject(denied))).rejects.toBe(denied);
  });

  it('is not waited for when nobody wants it any more', async () => {
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const hanging: NodeResolver = async (_, { signal }) => {
      signals.push(signal);
      controller.abort(new Error('enough'));
      return new Promise(() => undefined);
    };
    await expect(locate(NODE, hanging, controller.signal)).rejects.toThrow('enough');
    expect(signals).toEqual([controller.signal]);
  });
});
