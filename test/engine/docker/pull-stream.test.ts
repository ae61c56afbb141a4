import { describe, expect, it } from 'vitest';
import type { PullProgress } from '../../../src/engine/types.js';
import { MAX_LINE_BYTES } from '../../../src/engine/docker/lines.js';
import { readPullStream } from '../../../src/engine/docker/pull-stream.js';
import { inPieces } from './frames.js';

const lines = (...events: unknown[]): Buffer =>
  Buffer.from(events.map((event) => `${JSON.stringify(event)}\r\n`).join(''));

const read = async (bytes: Uint8Array, size = 7): Promise<PullProgress[]> => {
  const seen: PullProgress[] = [];
  await readPullStream(inPieces(bytes, size), 'x:1', (progress) => seen.push(progress));
  return seen;
};

describe('readPullStream', () => {
  it.each([1, 2, 3, 7, 1000])('reads characters split between chunks of %i bytes', async (size) => {
    const seen = await read(
      lines(
        { status: 'Ziehe … 🐋 Schicht', id: 'äöü', progressDetail: { current: 1, total: 2 } },
        { status: 'Done' },
      ),
      size,
    );
    expect(seen).toEqual([
      { layer: 'äöü', status: 'Ziehe … 🐋 Schicht', currentBytes: 1, totalBytes: 2 },
      { layer: null, status: 'Done', currentBytes: null, totalBytes: null },
    ]);
  });

  it('reads blank lines and a last line without its end', async () => {
    expect(await read(Buffer.from('\n\r\n{"status":"a"}\n{"status":"b"}'))).toHaveLength(2);
  });

  it.each([
    [{ error: 'unknown blob', errorDetail: { message: 'unknown blob' } }, 'image.pull_failed'],
    [{ error: 'manifest unknown' }, 'image.not_found'],
    [{ errorDetail: { code: 401, message: 'x' } }, 'image.unauthorized'],
    [{ errorDetail: { message: 'unauthorized: authentication required' } }, 'image.unauthorized'],
    [{ error: '' }, 'image.pull_failed'],
    [{ errorDetail: {} }, 'image.pull_failed'],
  ])('finds a failure in a stream that began well: %j', async (event, code) => {
    await expect(read(lines({ status: 'Pulling' }, event))).rejects.toMatchObject({ code });
  });

  it.each([
    ['a cut line', Buffer.from('{"status":"a"}\n{"stat')],
    ['something else than JSON', Buffer.from('<html>\n')],
    ['an overlong line', Buffer.alloc(MAX_LINE_BYTES + 1, 0x20)],
  ])('refuses %s', async (_what, bytes) => {
    await expect(read(bytes, 65_536)).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it('gives the digest the engine tells of at the end, and none where it tells of none', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const told = lines(
      { status: 'Pulling from x' },
      { status: `Digest: ${digest}` },
      { status: 'Status: done' },
    );
    expect(await readPullStream(inPieces(told, 9), 'x:1')).toEqual({ digest });
    const other = lines({ status: 'Digest: sha256:short' }, { id: digest, status: 'Download complete' });
    expect(await readPullStream(inPieces(other, 9), 'x:1')).toEqual({ digest: null });
  });

  it('takes a broken connection for a failed pull', async () => {
    const source = async function* () {
      yield lines({ status: 'a' });
      await Promise.reject(new Error('aborted'));
    };
    await expect(readPullStream(source(), 'x:1')).rejects.toMatchObject({ code: 'image.pull_failed' });
  });

  it('passes on what the caller’s own listener throws', async () => {
    const mine = new Error('mine');
    const failing = () => {
      throw mine;
    };
    await expect(readPullStream(inPieces(lines({ status: 'a' }), 9), 'x:1', failing)).rejects.toBe(mine);
  });
});
