import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/base/nearest-name.js';

const KNOWN = ['image', 'inputs', 'outputs', 'environment', 'workingDirectory', 'args', 'networkMode'];

describe('nearestName', () => {
  it.each([
    ['imgae', 'image'],
    ['Image', 'image'],
    ['input', 'inputs'],
    ['ouputs', 'outputs'],
    ['enviroment', 'environment'],
    ['workingdir', undefined],
    ['arg', 'args'],
    ['networkmode', 'networkMode'],
    ['zzz', undefined],
    ['', undefined],
    ['x', undefined],
    ['x'.repeat(1_000_000), undefined],
  ])('%.20j: %j', (name, expected) => {
    expect(nearestName(name, KNOWN)).toBe(expected);
  });

  it('takes the nearest, and of equals the first', () => {
    expect(nearestName('cat', ['cut', 'cart', 'cats'])).toBe('cut');
    expect(nearestName('cats', ['cut', 'cast', 'cats'])).toBe('cats');
    expect(nearestName('ab', ['ba', 'xy'])).toBe('ba');
    expect(nearestName('abc', [])).toBeUndefined();
  });
});
