import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  matchesImagePattern,
  parseImagePattern,
  type ImagePatternList,
} from '../../src/base/image-pattern.js';
import { parseImageReference } from '../../src/base/image-reference.js';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const OTHER = `sha256:${'f'.repeat(64)}`;

function matches(list: ImagePatternList, pattern: string, image: string): boolean {
  const compiled = parseImagePattern(pattern, list);
  const parsed = parseImageReference(image);
  if (!compiled.ok) throw new Error(compiled.problem);
  if (!parsed.ok) throw new Error(parsed.problem);
  return matchesImagePattern(compiled.pattern, parsed.reference);
}

describe('an allow pattern', () => {
  it.each([
    // The rules by their examples.
    ['company-registry.local/*', 'company-registry.local/team/app:1', true],
    ['busybox:*', 'busybox:1', true],
    ['busybox:*', 'busybox:5000/x:1', false],
    ['busybox*', 'busybox', true],
    ['busybox*', 'busybox.evil.example/x', false],
    ['t:1', 't:1', true],
    ['t:1', `t:1@${DIGEST}`, false],
    // No tag means latest.
    ['alpine', 'alpine', true],
    ['alpine', 'alpine:latest', true],
    ['alpine', 'alpine:3', false],
    ['alpine', `alpine@${DIGEST}`, false],
    ['alpine', `alpine:latest@${DIGEST}`, false],
    ['team/?pp', 'team/app', true],
    ['team/?pp', 'team/app:2', false],
    ['*/alpine', 'alpine', true],
    // Digests.
    [`t@${DIGEST}`, `t@${DIGEST}`, true],
    [`t@${DIGEST}`, `t:1@${DIGEST}`, true],
    [`t@${DIGEST}`, `t@${OTHER}`, false],
    [`t@${DIGEST}`, 't:1', false],
    [`t:1@${DIGEST}`, `t:1@${DIGEST}`, true],
    [`t:1@${DIGEST}`, `t@${DIGEST}`, false],
    [`t:1@${DIGEST}`, `t:2@${DIGEST}`, false],
    ['t@sha256:*', `t:1@${DIGEST}`, true],
    ['t@sha256:*', 't:1', false],
    ['t:*', `t:1@${DIGEST}`, true],
    ['t:*', `t@${DIGEST}`, false],
    ['t:?', `t:1@${DIGEST}`, false],
    // Everything.
    ['*', 'alpine', true],
    ['*', `evil.example:5000/a/b@${DIGEST}`, true],
    ['**', 'evil.example/x', true],
    // Hosts.
    ['reg.local/*', 'reg.local/x', true],
    ['reg.local/*', 'reg.local/a/b/c:1', true],
    ['reg.local/*', 'reg.local.evil.com/x', false],
    ['reg.local/*', 'reg.local:5000/x', false],
    ['reg.local/*', 'docker.io/reg.local/x', false],
    ['localhost/*', 'docker.io/localhost/x', false],
    ['reg.local/a*', 'reg.local/a/b:1', true],
    ['reg.local/app', 'reg.local/app:2', false],
    ['reg.local:443/x', 'reg.local/x', true],
    ['reg.local/*', 'reg.local:443/x', true],
    ['reg.local:443/*', 'reg.local/x', true],
    ['reg.local:443/*', 'reg.local:4430/x', false],
    ['*:443/*', 'reg.local/x', true],
    ['Registry.Example.com/x', 'registry.example.com/x', true],
    ['Registry.Example.com/*', 'registry.example.com/x', true],
    ['INDEX.docker.io/*', 'alpine', true],
    ['docker.io/*', 'grafana/x:1', true],
    ['docker.io/*', 'evil.example/x', false],
    ['library/*', 'alpine:3', true],
    ['library/*', 'grafana/x', false],
    ['library/*', 'reg.local/library/x', false],
    ['team*', 'team:5000/x', false],
    ['x?', 'xy', true],
    ['x?', 'xy:2', false],
    // A wildcard for the host stays in the host.
    ['*.corp.example/*', 'a.corp.example/x:1', true],
    ['*.corp.example/*', 'evil.example/x.corp.example/y', false],
    ['*.corp.example/*', 'docker.io/x.corp.example/y', false],
    ['*.io/library/*', 'alpine', true],
    ['reg?.local:5000/app', 'reg1.local:5000/app', false],
    ['?eg1.local:5000/app', 'reg1.local:5000/app', true],
    ['*:5000/x', 'a:5000/x', true],
    // Case counts.
    ['t:RC*', 't:RC1', true],
    ['t:RC*', 't:rc1', false],
  ])('%s on %s: %s', (pattern, image, expected) => {
    expect(matches('allow', pattern, image)).toBe(expected);
  });
});

describe('a deny pattern', () => {
  it.each([
    ['docker.io/library/alpine*', 'alpine', true],
    ['library/alpine', 'alpine', true],
    ['docker.io/alpine', 'alpine:3', true],
    ['index.docker.io/library/alpine:latest', 'alpine', true],
    ['alpine', 'alpine:3.20', true],
    ['alpine', `alpine@${DIGEST}`, true],
    ['alpine', `alpine:3@${DIGEST}`, true],
    ['alpine', 'alpine-extra', false],
    ['alpine', 'reg.local/alpine', false],
    ['alpine:3', 'alpine:3', true],
    ['alpine:3', `alpine:3@${DIGEST}`, true],
    ['alpine:3', 'alpine:4', false],
    [`alpine@${DIGEST}`, `alpine:9@${DIGEST}`, true],
    [`alpine@${DIGEST}`, `alpine@${OTHER}`, false],
    ['*', 'anything/at:all', true],
    ['*:latest', 'alpine', true],
    ['*/alpine', 'alpine:3', true],
    ['*alpine', 'reg.local/alpine:3', true],
    ['reg.local*', 'reg.local.evil.com/x', true],
    ['reg.local*', 'reg.local:5000/x', true],
    ['reg.local/x', 'reg.local/x:7', true],
    ['reg.local/x', 'reg.local:443/x', true],
    ['reg.local:443/x', 'reg.local/x', true],
    ['reg.local:443/*', 'reg.local/x', true],
    ['reg.local/*', 'reg.local:443/x', true],
    ['reg.local/*', 'reg.local:5000/x', false],
    ['EVIL.example/*', 'evil.example/x', true],
    ['Evil.Example/x', 'evil.example/x', true],
    ['index.docker.io*', 'alpine', true],
    ['registry.hub.docker.com/*', 'grafana/x', true],
    ['registry-1.docker.io/library/alp*', 'alpine', true],
    ['docker.io*', 'alpine', true],
    ['test?', 'test1:5', true],
  ])('%s on %s: %s', (pattern, image, expected) => {
    expect(matches('deny', pattern, image)).toBe(expected);
  });
});

describe('parseImagePattern', () => {
  it.each([['reg.local*'], ['reg.local:5000*'], ['docker.io*'], ['busybox.evil?'], ['a.b:*'], ['1.2.3.4*']])(
    'refuses %j in an allow list only: it would cover other hosts',
    (text) => {
      expect(parseImagePattern(text, 'allow').ok).toBe(false);
      expect(parseImagePattern(text, 'deny').ok).toBe(true);
    },
  );

  it.each([
    [''],
    [' '],
    ['alpine '],
    [' *'],
    ['a b*'],
    ['^alpine$'],
    ['(a|b)*'],
    ['a+*'],
    ['аlpine*'],
    ['http://reg.local/*'],
    ['http://reg.local/x'],
    ['a//*'],
    ['/*'],
    ['*/'],
    ['user:pw@reg.local/*'],
    ['user:pw@reg.local/x'],
    ['*@a@b'],
    ['Alpine'],
    ['Alpine*'],
    ['reg.local/Team/*'],
    ['8'],
    ['cafe'],
    [DIGEST],
    ['sha256:abc'],
  ])('refuses %j in both lists', (text) => {
    expect(parseImagePattern(text, 'allow').ok).toBe(false);
    expect(parseImagePattern(text, 'deny').ok).toBe(false);
  });

  it('bounds the length', () => {
    expect(parseImagePattern('*'.repeat(1024), 'deny').ok).toBe(true);
    expect(parseImagePattern('*'.repeat(1025), 'deny').ok).toBe(false);
    expect(parseImagePattern('g'.repeat(1025), 'allow').ok).toBe(false);
  });

  it('never repeats the text, which may hold a password', () => {
    for (const text of ['user:hunter2@reg.local/x', 'user:hunter2@reg.local/*']) {
      const result = parseImagePattern(text, 'allow');
      expect(result.ok ? 'accepted' : result.problem).not.toMatch(/hunter2|accepted/);
    }
  });
});

describe('decisions', () => {
  const spellings = [
    '',
    'docker.io/',
    'index.docker.io/',
    'registry-1.docker.io:443/',
    'registry.hub.docker.com/',
  ];
  const name = fc.constantFrom('alpine', 'busybox', 'grafana/x', 'a/b/c');
  const version = fc.constantFrom('', ':latest', ':1', `@${DIGEST}`, `:1@${DIGEST}`);
  const list = fc.constantFrom<ImagePatternList>('allow', 'deny');
  const unit = fc.constantFrom(
    '*',
    '?',
    'alpine',
    'a',
    '/',
    ':',
    '1',
    'docker.io',
    'library',
    'latest',
    'index.',
    'grafana',
  );
  const pattern = fc.oneof(
    fc.string({ unit, minLength: 1, maxLength: 7 }),
    fc.tuple(fc.constantFrom(...spellings), name, version).map((parts) => parts.join('')),
  );

  it('are equal for equivalent spellings of an image', () => {
    fc.assert(
      fc.property(list, pattern, name, version, (which, text, path, end) => {
        if (!parseImagePattern(text, which).ok) return;
        const official = path.includes('/') ? [] : spellings.map((host) => `${host}library/${path}${end}`);
        const images = [...spellings.map((host) => host + path + end), ...official];
        const ends = end === '' ? images.map((image) => `${image}:latest`) : [];
        const decisions = new Set([...images, ...ends].map((image) => matches(which, text, image)));
        expect(decisions.size).toBe(1);
      }),
      { numRuns: 3000 },
    );
  });

  it('are equal for equivalent spellings of a literal pattern', () => {
    fc.assert(
      fc.property(list, name, version, name, version, (which, path, end, imagePath, imageEnd) => {
        const patterns = spellings.map((host) => host + path + end);
        const decisions = new Set(patterns.map((text) => matches(which, text, imagePath + imageEnd)));
        expect(decisions.size).toBe(1);
      }),
    );
  });

  it('never let a literal allow pattern cover what the same deny pattern does not', () => {
    fc.assert(
      fc.property(pattern, name, version, (text, path, end) => {
        if (!parseImagePattern(text, 'allow').ok) return;
        if (matches('allow', text, path + end)) expect(matches('deny', text, path + end)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
