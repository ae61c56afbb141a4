import { describe, expect, it } from 'vitest';
import { chooseUnused, type RememberedImage } from '../../src/images/choose-unused.js';

const image = (name: string, lastUsedAtMs: number, more: Partial<RememberedImage> = {}): RememberedImage => ({
  id: name,
  references: [`ghcr.io/acme/${name}:1`],
  sizeBytes: 100,
  lastUsedAtMs,
  isUsed: false,
  ...more,
});
const OFF = { maxBytes: null, maxUnusedMs: null, keep: [] };
const chosen = (...words: Parameters<typeof chooseUnused>): readonly string[] =>
  chooseUnused(...words).map(({ id }) => id);

describe('chooseUnused', () => {
  const three = [image('b', 200), image('a', 100), image('c', 300)];

  it('chooses nothing without bounds', () => {
    expect(chosen(three, OFF, 1e9)).toEqual([]);
  });

  it('chooses the least recently used until the rest fits', () => {
    expect(chosen(three, { ...OFF, maxBytes: 300 }, 1000)).toEqual([]);
    expect(chosen(three, { ...OFF, maxBytes: 299 }, 1000)).toEqual(['a']);
    expect(chosen(three, { ...OFF, maxBytes: 100 }, 1000)).toEqual(['a', 'b']);
    expect(chosen(three, { ...OFF, maxBytes: 0 }, 1000)).toEqual(['a', 'b', 'c']);
  });

  it('chooses what was not used for too long, however little it is', () => {
    expect(chosen(three, { ...OFF, maxUnusedMs: 800 }, 1000)).toEqual(['a']);
    expect(chosen(three, { ...OFF, maxUnusedMs: 699 }, 1000)).toEqual(['a', 'b', 'c']);
  });

  it('never chooses what is used or to be kept, and goes on to the next instead', () => {
    const used = [image('a', 100, { isUsed: true }), image('b', 200), image('c', 300)];
    expect(chosen(used, { ...OFF, maxBytes: 200 }, 1000)).toEqual(['b']);
    expect(chosen(three, { ...OFF, maxBytes: 200, keep: ['ghcr.io/acme/a'] }, 1000)).toEqual(['b']);
    expect(chosen(three, { ...OFF, maxBytes: 0, keep: ['ghcr.io/acme/*'] }, 1000)).toEqual([]);
  });

  it('keeps what it cannot read the name of', () => {
    expect(chosen([image('a', 1, { references: ['UPPER'] })], { ...OFF, maxBytes: 0 }, 1000)).toEqual([]);
  });
});
