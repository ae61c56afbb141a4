/** Memory that goes back to where it came from: only what was lent, only as a whole, and only once. */
import { describe, expect, it } from 'vitest';
import { createChunkMemory, giveBackChunk, lendChunk } from '../../src/host/lent-chunks.js';

describe('memory for chunks', () => {
  it('is used again when what was lent of it is given back', () => {
    const take = createChunkMemory(8);
    const first = take();
    expect(first).toHaveLength(8);
    const chunk = first.subarray(0, 5);
    lendChunk(chunk);
    expect(take().buffer).not.toBe(first.buffer);
    giveBackChunk(chunk);
    expect(take()).toBe(first);
    expect(take().buffer).not.toBe(first.buffer);
  });

  it.each<[string, (buffer: Buffer) => void]>([
    ['nobody lent', giveBackChunk],
    [
      'is still used in part',
      (buffer) => {
        lendChunk(buffer);
        giveBackChunk(buffer.subarray(0, 4));
        giveBackChunk(buffer.subarray(4));
      },
    ],
    [
      'was given back before it was lent again',
      (buffer) => {
        lendChunk(buffer);
        giveBackChunk(buffer);
        expect(take()).toBe(buffer);
        giveBackChunk(buffer);
      },
    ],
    [
      'was given back twice',
      (buffer) => {
        lendChunk(buffer);
        giveBackChunk(buffer);
        giveBackChunk(buffer);
        expect(take()).toBe(buffer);
      },
    ],
  ])('is the reader’s where it %s', (_, use) => {
    const buffer = take();
    use(buffer);
    expect(take()).not.toBe(buffer);
  });

  it('is that of its own stream, and no other memory is touched', () => {
    const [one, other] = [createChunkMemory(8), createChunkMemory(8)];
    const buffer = one();
    lendChunk(buffer);
    giveBackChunk(buffer);
    expect(other()).not.toBe(buffer);
    const foreign = Buffer.alloc(8);
    lendChunk(foreign);
    giveBackChunk(foreign);
    expect([one(), one()]).not.toContain(foreign);
  });
});

const take = createChunkMemory(8);
