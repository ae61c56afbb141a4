import { describe, expect, it } from 'vitest';
import { type ImageBounds, judgeImages, type PulledCandidate } from '../../src/images/judge-images.js';

const image = (name: string, lastUsedAtMs: number, more: Partial<PulledCandidate> = {}): PulledCandidate => ({
  id: name,
  references: [`ghcr.io/acme/${name}:1`],
  sizeBytes: 100,
  lastUsedAtMs,
  hindrance: null,
  ...more,
});
const OFF: ImageBounds = { maxBytes: null, maxUnusedMs: null, keep: [] };
const three = [image('b', 200), image('a', 100), image('c', 300)];

const going = (images: readonly PulledCandidate[], bounds: Partial<ImageBounds>): readonly string[] =>
  judgeImages(images, { ...OFF, ...bounds }, 1000).flatMap((each) => (each.goes ? [each.image.id] : []));
const whyOf = (
  images: readonly PulledCandidate[],
  bounds: Partial<ImageBounds>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    judgeImages(images, { ...OFF, ...bounds }, 1000).map((each) => [each.image.id, each.why]),
  );

describe('judgeImages', () => {
  it('lets nothing go without bounds', () => {
    expect(whyOf(three, {})).toEqual({ a: 'within_bounds', b: 'within_bounds', c: 'within_bounds' });
  });

  it.each([
    [300, []],
    [299, ['a']],
    [100, ['a', 'b']],
    [1, ['a', 'b', 'c']],
  ])('lets the least recently used go until the rest fits within %i bytes', (maxBytes, expected) => {
    expect(going(three, { maxBytes })).toEqual(expected);
  });

  it.each([
    [900, []],
    [899, ['a']],
    [699, ['a', 'b', 'c']],
  ])('lets go what was not used for more than %i ms, however little it is', (maxUnusedMs, expected) => {
    expect(going(three, { maxUnusedMs })).toEqual(expected);
  });

  it('says which bound was broken, the longer time first', () => {
    expect(whyOf(three, { maxBytes: 100, maxUnusedMs: 850 })).toEqual({
      a: 'unused_for_too_long',
      b: 'too_many_bytes',
      c: 'within_bounds',
    });
  });

  it.each(['used_by_container', 'about_to_run', 'named_by_others', 'removal_failed'] as const)(
    'never lets go what is %s, and the next instead',
    (hindrance) => {
      const images = [image('a', 100, { hindrance }), image('b', 200), image('c', 300)];
      expect(whyOf(images, { maxBytes: 200 })).toEqual({
        a: hindrance,
        b: 'too_many_bytes',
        c: 'within_bounds',
      });
      expect(whyOf(images, { maxUnusedMs: 1 })['a']).toBe(hindrance);
    },
  );

  it.each([
    ['ghcr.io/acme/a', ['b', 'c']],
    ['ghcr.io/acme/a:1', ['b', 'c']],
    ['ghcr.io/acme/a:2', ['a', 'b', 'c']],
    ['ghcr.io/acme/*', []],
    ['docker.io/acme/*', ['a', 'b', 'c']],
  ])('keeps what matches %s', (pattern, expected) => {
    expect(going(three, { maxBytes: 1, keep: [pattern] })).toEqual(expected);
  });

  it('keeps an image for any of its names, and one whose name it cannot read', () => {
    const both = [image('a', 1, { references: ['ghcr.io/acme/a:1', 'ghcr.io/acme/base:1'] })];
    expect(going(both, { maxBytes: 1, keep: ['ghcr.io/acme/base'] })).toEqual([]);
    expect(going([image('a', 1, { references: ['UPPER'] })], { maxBytes: 1 })).toEqual([]);
  });
});
