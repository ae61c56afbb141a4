import { expect, it, vi } from 'vitest';
import { lazy } from '../../src/base/lazy.js';

it('makes a value when it is first asked for, and once', () => {
  const make = vi.fn(() => ({}));
  const value = lazy(make);
  expect(make).not.toHaveBeenCalled();
  expect(value()).toBe(value());
  expect(make).toHaveBeenCalledTimes(1);
});

it('keeps undefined like any other value', () => {
  const make = vi.fn(() => undefined);
  const value = lazy(make);
  value();
  value();
  expect(make).toHaveBeenCalledTimes(1);
});

it('asks again after a failure', () => {
  let works = false;
  const value = lazy(() => {
    if (!works) throw new Error('not yet');
    return 1;
  });
  expect(value).toThrow('not yet');
  works = true;
  expect(value()).toBe(1);
});

it('asks again after a promise that was rejected, and not before', async () => {
  const make = vi.fn(async () => Promise.resolve(1)).mockRejectedValueOnce(new Error('not yet'));
  const value = lazy(make);
  await expect(Promise.all([value(), value()])).rejects.toThrow('not yet');
  expect(make).toHaveBeenCalledTimes(1);
  expect([await value(), await value()]).toEqual([1, 1]);
  expect(make).toHaveBeenCalledTimes(2);
});
