import { describe, expect, it } from 'vitest';
import {
  checkContainerId,
  checkImageReference,
  checkSignal,
  toPullTarget,
} from '../../../src/engine/docker/identifiers.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('identifiers', () => {
  it.each(['a'.repeat(64), 'berthkit-run.1_a', 'A'])('container %s', (id) => {
    expect(checkContainerId(id)).toBe(id);
  });

  it.each([
    '',
    '.',
    '..',
    '../images/json?x=',
    'a/kill?signal=KILL&',
    'a?b',
    'a b',
    'a\n',
    'a%2f',
    'a'.repeat(129),
    'ä',
  ])('container %j is refused', (id) => {
    expect(() => checkContainerId(id)).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });

  it.each(['SIGTERM', 'TERM', '9', 'SIGRTMIN+3'])('signal %s', (signal) => {
    expect(checkSignal(signal)).toBe(signal);
  });

  it.each(['', 'TERM&x=1', '-9', 'A B'])('signal %j is refused', (signal) => {
    expect(() => checkSignal(signal)).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });

  it.each([digest, 'busybox', 'localhost:5000/a/b:1.2', `x/y@${digest}`, '[::1]:5000/a:1'])(
    'image %s',
    (name) => {
      expect(checkImageReference(name)).toBe(name);
    },
  );

  it.each([
    '',
    '../containers/json',
    'a/../b',
    'a//b',
    'a/',
    'a?b=1',
    'a#b',
    'a b',
    'a%20b',
    '/a',
    'a\r\nX: y',
  ])('image %j is refused', (name) => {
    expect(() => checkImageReference(name)).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });

  it.each([
    ['busybox', { name: 'busybox', tag: 'latest' }],
    ['busybox:1', { name: 'busybox', tag: '1' }],
    ['h:5000/a', { name: 'h:5000/a', tag: 'latest' }],
    ['h:5000/a:2', { name: 'h:5000/a', tag: '2' }],
    [`h:5000/a:2@${digest}`, { name: 'h:5000/a', tag: digest }],
    [`a@${digest}`, { name: 'a', tag: digest }],
  ])('pull target of %s', (reference, target) => {
    expect(toPullTarget(reference)).toEqual(target);
  });

  it.each(['a:', 'a@', '@x'])('never a pull without a tag: %s', (reference) => {
    expect(() => toPullTarget(reference)).toThrow(expect.objectContaining({ code: 'engine.failed' }));
  });
});
