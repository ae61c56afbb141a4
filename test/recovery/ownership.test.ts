/** A container is ours only where labels, name and instance agree. */
import { describe, expect, it } from 'vitest';
import { containerName } from '../../src/base/container-name.js';
import { ownershipOf } from '../../src/recovery/ownership.js';

const key = { labelPrefix: 'acme', instance: 'here' };
const labels = (changed: Readonly<Record<string, string | undefined>> = {}): Record<string, string> => {
  const all: Readonly<Record<string, string | undefined>> = {
    'acme.managed': 'true',
    'acme.instance': 'here',
    'acme.owner': 'o.w.n.er',
    'acme.run-id': 'r1',
    'acme.attempt': '2',
    'acme.job': 'count',
    'acme.kind': 'job',
    'acme.spec-hash': 'f'.repeat(64),
    'acme.created-at': '2026-01-01T00:00:00.000Z',
    ...changed,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
};
const name = containerName('acme', 'count', 'r1', 2);
const judge = (container: { readonly name?: string; readonly labels?: Record<string, string> }) =>
  ownershipOf({ name, labels: labels(), ...container }, key);

describe('ownershipOf', () => {
  it('takes what agrees, with labels of a newer version beside those it knows', () => {
    const expected = { kind: 'owned', owner: 'o.w.n.er', runId: 'r1', isHelper: false };
    expect(judge({})).toEqual(expected);
    expect(judge({ labels: { ...labels(), 'acme.team': 'x', other: 'y' } })).toEqual(expected);
  });

  it.each(['work', 'inputs', 'secrets', 'files', 'probe', 'input-12', 'input-config', 'volume-0'])(
    'takes a volume or a helper that is named %s of its run',
    (part) => {
      const found = judge({ name: `${name}-${part}`, labels: labels({ 'acme.kind': 'helper' }) });
      expect(found).toEqual({ kind: 'owned', owner: 'o.w.n.er', runId: 'r1', isHelper: true });
    },
  );

  it.each(['', '-', '-other', '-input-', '-input-x', '-work-2', '0-work'])(
    'sees a look-alike in a helper whose name ends in "%s"',
    (end) => {
      const found = judge({ name: `${name}${end}`, labels: labels({ 'acme.kind': 'helper' }) });
      expect(found).toMatchObject({ kind: 'look_alike', detail: expect.stringContaining('name') as string });
    },
  );

  it.each([
    ['a name that is not its run’s', { name: 'postgres' }, /name is not that of the run/],
    ['the name of another attempt', { name: containerName('acme', 'count', 'r1', 1) }, /name is not/],
    ['a name that only begins alike', { name: `${name}0` }, /name is not/],
    ['no owner, as of an older version', { labels: labels({ 'acme.owner': undefined }) }, /lacks labels/],
    ['no run', { labels: labels({ 'acme.run-id': undefined }) }, /lacks labels/],
    ['an attempt that is no number', { labels: labels({ 'acme.attempt': '1e3' }) }, /lacks labels/],
    ['the kind of something else', { labels: labels({ 'acme.kind': 'pool' }) }, /kind "pool"/],
    ['no kind', { labels: labels({ 'acme.kind': undefined }) }, /kind ""/],
    ['our name without labels', { labels: {} }, /not our labels/],
    ['managed by somebody in another way', { labels: labels({ 'acme.managed': 'yes' }) }, /not our labels/],
  ])('sees a look-alike in %s', (_, container, detail) => {
    expect(judge(container)).toMatchObject({
      kind: 'look_alike',
      detail: expect.stringMatching(detail) as string,
    });
  });

  it('takes what a version says to be of today’s schema, which none has to say', () => {
    expect(judge({ labels: labels({ 'acme.schema': '1' }) })).toMatchObject({ kind: 'owned', runId: 'r1' });
  });

  it.each([
    ['and all else agrees', {}],
    [
      'and instance and owner are no longer what they were',
      { 'acme.instance': 'there', 'acme.owner': undefined },
    ],
  ])('sees another version where labels are of a schema it does not know, %s', (_, changed) => {
    expect(judge({ labels: labels({ 'acme.schema': '2', ...changed }) })).toEqual({
      kind: 'other_version',
      detail: 'this version does not know labels of the schema "2"',
    });
  });

  it('leaves other instances alone, whatever else agrees', () => {
    expect(judge({ labels: labels({ 'acme.instance': 'there' }) })).toMatchObject({ kind: 'other_instance' });
    expect(judge({ labels: labels({ 'acme.instance': undefined }) })).toMatchObject({
      kind: 'other_instance',
    });
  });

  it('has nothing to say of strangers', () => {
    expect(judge({ name: 'web', labels: { 'com.example.managed': 'true' } })).toBeNull();
    expect(judge({ name: 'acmecorp-web', labels: {} })).toBeNull();
  });
});
