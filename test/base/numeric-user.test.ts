import { expect, it } from 'vitest';
import { areUsableIds, hasUsableIds, readNumericUser } from '../../src/base/numeric-user.js';

it.each([
  ['1000', { uid: 1000, gid: null }],
  ['1000:5', { uid: 1000, gid: 5 }],
  ['root', null],
  ['1:', null],
  ['1:2:3', null],
  ['10000000000', null],
  [' 1', null],
])('%j is read as %j', (text, user) => {
  expect(readNumericUser(text)).toEqual(user);
});

it.each([
  ['2147483647:2147483647', true],
  ['2147483648', false],
  ['0:2147483648', false],
])('an engine takes %s: %s', (text, isTaken) => {
  expect(hasUsableIds(text)).toBe(isTaken);
  expect(areUsableIds(readNumericUser(text)!)).toBe(isTaken);
});

it('leaves what has another form to others', () => {
  expect(hasUsableIds('root')).toBe(true);
});
