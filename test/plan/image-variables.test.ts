import { describe, expect, it } from 'vitest';
import { withEmptied } from '../../src/plan/image-variables.js';

const OWN = [{ name: 'LD_AUDIT', value: '/mine.so' }];
const IMAGE = [
  'PATH=/bin',
  'LD_PRELOAD=/evil.so',
  'LD_AUDIT=/evil.so',
  'ENV=a=b',
  'BARE',
  'LD_PRELOAD=again',
];

describe('variables of an image', () => {
  it.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['LD_*'], ['LD_PRELOAD']],
    [
      ['ENV', 'BARE'],
      ['ENV', 'BARE'],
    ],
    [['ld_*'], []],
    [['*'], ['PATH', 'LD_PRELOAD', 'ENV', 'BARE']],
  ])('that match %j and are not the job’s own are emptied', (patterns, emptied) => {
    expect(withEmptied(OWN, IMAGE, patterns)).toEqual([
      ...OWN,
      ...emptied.map((name) => ({ name, value: '' })),
    ]);
  });
});
