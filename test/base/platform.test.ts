import { describe, expect, it } from 'vitest';
import { isForPlatform, platformText } from '../../src/base/platform.js';

const image = (architecture: string, variant: string | null = null, operatingSystem = 'linux') => ({
  operatingSystem,
  architecture,
  variant,
});

describe('isForPlatform', () => {
  it.each([
    [image('amd64'), 'linux/amd64'],
    [image('amd64'), 'linux/x86_64'],
    [image('x86_64'), 'linux/amd64'],
    [image('arm64'), 'linux/arm64/v8'],
    [image('arm64', 'v8'), 'linux/arm64'],
    [image('aarch64'), 'linux/arm64'],
    [image('arm', 'v7'), 'linux/arm'],
    [image('arm', 'v6'), 'linux/arm/v6'],
    [image('arm'), 'linux/arm/v6'],
    [image('386'), 'linux/i386'],
    [image('riscv64'), 'linux/riscv64'],
  ])('%j is for %s', (given, asked) => {
    expect(isForPlatform(given, asked)).toBe(true);
  });

  it.each([
    [image('amd64'), 'linux/arm64'],
    [image('amd64'), 'windows/amd64'],
    [image('arm', 'v7'), 'linux/arm/v6'],
    [image('arm', 'v6'), 'linux/arm'],
    [image('arm'), 'linux/arm64'],
    [image(''), 'linux/amd64'],
  ])('%j is not for %s', (given, asked) => {
    expect(isForPlatform(given, asked)).toBe(false);
  });
});

it('writes a platform as it is asked for', () => {
  expect(platformText(image('arm', 'v7'))).toBe('linux/arm/v7');
  expect(platformText(image('amd64'))).toBe('linux/amd64');
});
