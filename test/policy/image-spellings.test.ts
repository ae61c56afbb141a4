/** Property: however an image is spelt, policy says the same of it, by allow and by deny lists. */
import { evaluateImagePolicy, evaluateJob } from 'berthkit/policy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseImagePattern } from '../../src/base/image-pattern.js';

const HUB_HOSTS = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];
const OTHER_HOSTS = ['reg.example', 'reg.example:5000', 'localhost', 'localhost:5000', '10.0.0.1', '[::1]'];

const component = fc.constantFrom('app', 'library', 'team', 'a', 'x-y', 'x__y', '0', 'alpine');
const digest = fc.constantFrom('a', '0').map((digit) => `sha256:${digit.repeat(64)}`);
/** Tag and digest as written: neither means `latest`. */
const version = fc.record({
  tag: fc.option(fc.constantFrom('latest', '1', '1.2-x', 'RC_1'), { nil: null }),
  digest: fc.option(digest, { nil: null }),
});

interface Image {
  readonly host: string;
  readonly path: readonly string[];
  readonly version: { readonly tag: string | null; readonly digest: string | null };
}

const image: fc.Arbitrary<Image> = fc.record({
  host: fc.constantFrom('docker.io', ...OTHER_HOSTS),
  path: fc.array(component, { minLength: 1, maxLength: 3 }),
  version,
});

const hasPort = (host: string): boolean => /:\d+$/.test(host);

/** Every way to write one image. */
function spellingsOf({ host, path, version: { tag, digest: hash } }: Image): readonly string[] {
  const whole = path.join('/');
  const isOfficial = path.length === 2 && path[0] === 'library';
  const isShort = path.length === 1;
  const names = isOfficial ? [whole, path[1] ?? ''] : isShort ? [whole, `library/${whole}`] : [whole];
  const isHub = host === 'docker.io';
  const hosts = (isHub ? HUB_HOSTS : [host]).flatMap((each) =>
    hasPort(each) ? [each] : [each, `${each}:443`],
  );
  const full = hosts.flatMap((each) => (isHub ? names : [whole]).map((name) => `${each}/${name}`));
  const familiar = isHub ? names : [];
  const end = (tag === null ? '' : `:${tag}`) + (hash === null ? '' : `@${hash}`);
  const ends = hash !== null ? [end] : tag === 'latest' ? [end, ''] : tag === null ? [':latest', ''] : [end];
  // A bare run of hex digits would be read as an image id, which is refused in any case.
  return [...full, ...familiar]
    .flatMap((name) => ends.map((each) => name + each))
    .filter((text) => !/^[0-9a-f]+$/.test(text));
}

/** A pattern made of a spelling by putting wildcards into it. */
const mutated = (text: string): fc.Arbitrary<string> =>
  fc
    .record({
      from: fc.nat(text.length),
      length: fc.nat(6),
      wildcard: fc.constantFrom('*', '?', '', '*?'),
      cut: fc.constantFrom('none', 'version', 'host'),
    })
    .map(({ from, length, wildcard, cut }) => {
      const whole = text.slice(0, from) + wildcard + text.slice(from + length);
      if (cut === 'version') return whole.replace(/[:@][^/]*$/, '');
      return cut === 'host' ? whole.replace(/^[^/]*\//, '*/') : whole;
    });
const general = fc.constantFrom(
  '*',
  '*/*',
  '*:latest',
  '*@sha256:*',
  'library/*',
  'docker.io/*',
  'docker.io/library/*',
  'index.docker.io/*',
  'reg.example/*',
  'reg.example:443/*',
  'reg.example:44?/*',
  '*:443/*',
  '*.example/*',
  'localhost*',
  'a*',
  'team/app',
);

/** What a policy may be read with: a wildcard right after a host is refused in an allow list. */
const allowable = general.filter((pattern) => parseImagePattern(pattern, 'allow').ok);

const scene = image.chain((wanted) => {
  const spellings = spellingsOf(wanted);
  const pattern = fc.oneof(
    general,
    fc.constantFrom(...spellings),
    fc.constantFrom(...spellings).chain(mutated),
  );
  const list = fc.array(pattern, { maxLength: 3 });
  return fc.record({ spellings: fc.constant(spellings), allow: list, deny: list });
});

describe('equivalent spellings', () => {
  it('are all judged alike by allow and deny lists', () => {
    let allowedOnes = 0;
    let deniedOnes = 0;
    fc.assert(
      fc.property(scene, ({ spellings, allow, deny }) => {
        const decisions = spellings.map((each) => evaluateImagePolicy(each, { allow, deny }));
        const [first] = decisions;
        for (const { allowed, matchedPattern } of decisions) {
          expect([allowed, matchedPattern]).toEqual([first?.allowed, first?.matchedPattern]);
        }
        if (first?.allowed === true && allow.length > 0) allowedOnes += 1;
        if (first?.allowed === false) deniedOnes += 1;
      }),
      { numRuns: 1_000 },
    );
    // Neither answer is there by chance alone.
    expect(allowedOnes).toBeGreaterThan(30);
    expect(deniedOnes).toBeGreaterThan(30);
  });

  it('are all allowed by each spelling as a pattern, and all denied by it', () => {
    fc.assert(
      fc.property(image, (wanted) => {
        const spellings = spellingsOf(wanted);
        for (const pattern of spellings) {
          for (const each of spellings) {
            expect(evaluateImagePolicy(each, { allow: [pattern], deny: [] })).toMatchObject({
              allowed: true,
            });
            expect(evaluateImagePolicy(each, { allow: [], deny: [pattern] })).toMatchObject({
              allowed: false,
            });
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are judged alike as definitions too', () => {
    fc.assert(
      fc.property(image, allowable, general, (wanted, allow, deny) => {
        const judged = spellingsOf(wanted).map(
          (each) =>
            evaluateJob({ docker: { image: each } }, { images: { allow: [allow], deny: [deny] } }).allowed,
        );
        expect(new Set(judged).size).toBe(1);
      }),
      { numRuns: 30 },
    );
  });
});

describe('spellings of different images', () => {
  it.each([
    ['reg.example/x', 'reg.example:5000/x'],
    ['reg.example/x', 'reg.example:4430/x'],
    ['reg.example:443/x', 'reg.example:4443/x'],
    ['alpine', 'reg.example/library/alpine'],
    ['alpine:1', `alpine:1@sha256:${'a'.repeat(64)}`],
    ['localhost/x', 'docker.io/localhost/x'],
  ])('%s allowed says nothing of %s', (pattern, other) => {
    expect(evaluateImagePolicy(other, { allow: [pattern], deny: [] }).allowed).toBe(false);
  });
});
