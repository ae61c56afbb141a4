import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FRAME_BYTES, demux } from '../../../src/engine/docker/demux.js';
import { collect, frame, inPieces } from './frames.js';

describe('demux', () => {
  it('gives back what was framed, however it is cut up', async () => {
    const frames = fc.array(
      fc.record({ type: fc.constantFrom(0, 1, 2), bytes: fc.uint8Array({ maxLength: 40 }) }),
    );
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 50 }), async (given, size) => {
        const wire = Buffer.concat(given.map(({ type, bytes }) => frame(type, bytes)));
        const expected = (wanted: boolean) =>
          Buffer.concat(given.filter(({ type }) => (type === 2) === wanted).map(({ bytes }) => bytes));
        const { stdout, stderr } = await collect(demux(inPieces(wire, size)));
        expect(stdout.equals(expected(false))).toBe(true);
        expect(stderr.equals(expected(true))).toBe(true);
      }),
    );
  });

  it('keeps the order of the streams', async () => {
    const wire = Buffer.concat([frame(1, 'a'), frame(2, 'b'), frame(1, ''), frame(1, 'c')]);
    const seen: string[] = [];
    for await (const { stream, bytes } of demux(inPieces(wire, 5)))
      seen.push(`${stream}:${Buffer.from(bytes).toString()}`);
    expect(seen).toEqual(['stdout:a', 'stderr:b', 'stdout:c']);
  });

  it('takes 100,000 one-byte frames in one chunk', async () => {
    const one = frame(1, 'x');
    const wire = Buffer.concat(Array.from({ length: 100_000 }, () => one));
    expect((await collect(demux(inPieces(wire, wire.length)))).stdout.length).toBe(100_000);
  });

  it('copies nothing: a piece is a view of the chunk', async () => {
    const wire = frame(1, 'abc');
    for await (const { bytes } of demux(inPieces(wire, wire.length))) expect(bytes.buffer).toBe(wire.buffer);
  });

  it('hands out a frame before it is whole, and reads no further than it is asked to', async () => {
    let pulled = 0;
    const source = async function* () {
      await Promise.resolve();
      for (const chunk of [frame(1, 'a', 1000), Buffer.alloc(999)]) {
        pulled += 1;
        yield chunk;
      }
    };
    const output = demux(source());
    expect((await output.next()).value).toMatchObject({ stream: 'stdout' });
    expect(pulled).toBe(1);
  });

  it.each([
    ['an unknown type', frame(4, 'x'), 'unknown_frame'],
    ['an error of the engine', frame(3, 'x'), 'unknown_frame'],
    ['text that is no frame', Buffer.from('plain text of a terminal'), 'unknown_frame'],
    ['a header with something in its gap', Buffer.from([1, 0, 1, 0, 0, 0, 0, 1, 65]), 'unknown_frame'],
    ['an overlong frame', frame(1, 'x', MAX_FRAME_BYTES + 1), 'frame_too_long'],
    ['a cut header', frame(1, 'x').subarray(0, 5), 'truncated'],
    ['a cut frame', frame(2, 'abcdef').subarray(0, 10), 'truncated'],
    ['a frame without its body', frame(2, '', 3), 'truncated'],
  ])('refuses %s', async (_what, wire, problem) => {
    await expect(collect(demux(inPieces(wire, 3)))).rejects.toMatchObject({
      code: 'engine.failed',
      details: { problem },
    });
  });

  it('delivers everything before a cut', async () => {
    const seen: string[] = [];
    const read = async () => {
      const wire = Buffer.concat([frame(1, 'whole'), frame(1, 'half', 100)]);
      for await (const { bytes } of demux(inPieces(wire, 1000))) seen.push(Buffer.from(bytes).toString());
    };
    await expect(read()).rejects.toThrow(/truncated/);
    expect(seen).toEqual(['whole', 'half']);
  });
});
