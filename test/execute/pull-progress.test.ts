import { expect, it } from 'vitest';
import type { PullProgress } from '../../src/engine/types.js';
import { createProgressFilter } from '../../src/execute/pull-progress.js';

const step = (
  layer: string | null,
  status: string,
  currentBytes: number | null = null,
  totalBytes: number | null = null,
): PullProgress => ({ layer, status, currentBytes, totalBytes });

it('tells of each state of each layer, and of its bytes in twentieths', () => {
  const isWorthTelling = createProgressFilter();
  const steps = [
    step(null, 'Pulling from x'),
    step('a', 'Pulling fs layer'),
    step('b', 'Pulling fs layer'),
    ...Array.from({ length: 1001 }, (_, at) => step('a', 'Downloading', at * 1000, 1_000_000)),
    step('a', 'Download complete'),
    step('a', 'Download complete'),
  ];
  const told = steps.filter(isWorthTelling);
  const bytes = told.filter(({ status }) => status === 'Downloading').map((each) => each.currentBytes);
  expect(bytes[0]).toBe(0);
  expect(bytes.at(-1)).toBe(1_000_000);
  expect(bytes).toHaveLength(21);
  expect(told.map(({ layer, status }) => `${layer ?? ''} ${status}`)).toEqual([
    ' Pulling from x',
    'a Pulling fs layer',
    'b Pulling fs layer',
    ...Array.from({ length: 21 }, () => 'a Downloading'),
    'a Download complete',
  ]);
});

it('tells of a layer of unknown size every 16 MiB', () => {
  const isWorthTelling = createProgressFilter();
  const steps = Array.from({ length: 65 }, (_, at) => step('a', 'Extracting', at * 1024 ** 2));
  expect(steps.filter(isWorthTelling).map((each) => (each.currentBytes ?? 0) / 1024 ** 2)).toEqual([
    0, 16, 32, 48, 64,
  ]);
});

it('tells of the first bytes and of the last, however few they are, and not twice', () => {
  const isWorthTelling = createProgressFilter();
  const bytes = [null, 1, 1, 2, null, 999, 1_000, 1_000];
  const told = bytes.filter((currentBytes) => isWorthTelling(step('a', 'Downloading', currentBytes, 1_000)));
  expect(told).toEqual([null, 1, 999, 1_000]);
});
