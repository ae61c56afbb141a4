import { parseFamiliarName } from '@swimlane/docker-reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  imageReferenceForms,
  parseImageReference,
  type ImageReference,
} from '../../src/base/image-reference.js';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;

function reference(text: string): ImageReference {
  const result = parseImageReference(text);
  if (!result.ok) throw new Error(`${text}: ${result.problem}`);
  return result.reference;
}

describe('parseImageReference', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['library/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io/library/alpine:latest', 'docker.io/library/alpine:latest'],
    ['index.docker.io/library/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['registry-1.docker.io/library/alpine', 'docker.io/library/alpine:latest'],
    ['registry.hub.docker.com/library/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io:443/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io:443/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io:5000/alpine', 'docker.io:5000/alpine:latest'],
    ['grafana/grafana:10', 'docker.io/grafana/grafana:10'],
    ['a/b/c', 'docker.io/a/b/c:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['reg.local/a/b:1', 'reg.local/a/b:1'],
    ['reg.local:443/x', 'reg.local:443/x:latest'],
    ['busybox:5000/x:1', 'busybox:5000/x:1'],
    ['10.0.0.1/x', '10.0.0.1/x:latest'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ['a__b/c--d.e_f', 'docker.io/a__b/c--d.e_f:latest'],
    ['x:V1.0_RC-2', 'docker.io/library/x:V1.0_RC-2'],
    [`x@${DIGEST}`, `docker.io/library/x@${DIGEST}`],
    [`x:1@${DIGEST}`, `docker.io/library/x:1@${DIGEST}`],
    [`reg.local/x@sha512:${HEX}${HEX}`, `reg.local/x@sha512:${HEX}${HEX}`],
    ['cafe:latest', 'docker.io/library/cafe:latest'],
    ['library/8', 'docker.io/library/8:latest'],
    ['a'.repeat(65), `docker.io/library/${'a'.repeat(65)}:latest`],
  ])('%s is %s', (text, canonical) => {
    expect(reference(text).canonical).toBe(canonical);
    expect(reference(canonical)).toEqual(reference(text));
  });

  it('bounds the tag', () => {
    expect(parseImageReference(`alpine:${'t'.repeat(128)}`).ok).toBe(true);
    expect(parseImageReference(`alpine:${'t'.repeat(129)}`).ok).toBe(false);
  });

  it.each([
    [''],
    [' '],
    [' alpine'],
    ['alpine '],
    ['al pine'],
    ['alpine\n'],
    ['alpine\0'],
    ['\talpine'],
    ['8'],
    ['f'],
    ['cafe'],
    ['0123456789ab'],
    [HEX],
    [DIGEST],
    ['sha256:abcdef'],
    [`sha512:${HEX}${HEX}`],
    [`@${DIGEST}`],
    ['Alpine'],
    ['test/BUSYBOX:1'],
    ['Test/busybox'],
    ['DOCKER.IO/x'],
    ['LOCALHOST/x'],
    ['Registry.Example.com/x'],
    ['docker.io./x'],
    ['docker.io.:443/x'],
    ['docker.io:0443/x'],
    ['docker.io:/x'],
    ['docker.io:0/x'],
    ['docker.io:99999/x'],
    ['docker.io:443:443/x'],
    ['reg..local/x'],
    ['-reg.local/x'],
    ['reg-.local/x'],
    ['reg_x.local/x'],
    ['.local/x'],
    ['[::1/x'],
    ['[::1]x/x'],
    ['[0:0:0:0:0:0:0:1]/x'],
    ['[::1]'],
    ['http://reg.local/x'],
    ['https://alpine'],
    ['docker://alpine'],
    ['user:pw@reg.local/x'],
    ['user@reg.local/x'],
    ['/alpine'],
    ['alpine/'],
    ['a//b'],
    ['a/./b'],
    ['a/../b'],
    ['../a'],
    ['.'],
    ['..'],
    ['reg.local/'],
    ['reg.local/:1'],
    ['a_'],
    ['_a'],
    ['a..b'],
    ['a___b'],
    ['a._b'],
    ['alpinе'],
    ['ａlpine'],
    ['alpine:'],
    ['alpine:.1'],
    ['alpine:-1'],
    ['alpine:1:2'],
    ['alpine:a+b'],
    ['alpine@'],
    ['alpine@latest'],
    [`alpine@${DIGEST}0`],
    [`alpine@${DIGEST.toUpperCase()}`],
    [`alpine@sha256:${HEX.toUpperCase()}`],
    [`alpine@md5:${HEX.slice(0, 32)}`],
    [`alpine@${DIGEST}@${DIGEST}`],
    [`alpine@${DIGEST}:1`],
    ['g'.repeat(256)],
    [`reg.local/${'a/'.repeat(130)}a`],
    ['$(id)'],
    ['--privileged'],
    ['alpine;id'],
    ['a,b'],
    ['alpine\u202e'],
  ])('refuses %j', (text) => {
    expect(parseImageReference(text).ok).toBe(false);
  });

  it('never repeats the text, which may hold a password', () => {
    for (const text of [
      'user:hunter2@reg.local/x',
      'https://user:hunter2@reg.local/x',
      'reg.local/x:hunter2 ',
    ]) {
      const result = parseImageReference(text);
      expect(result.ok ? 'accepted' : result.problem).not.toMatch(/hunter2|reg\.local|accepted/);
    }
  });

  it('takes a name of 255 characters and refuses one of 256, whatever the spelling of the host', () => {
    const path = 'g'.repeat(255 - 'docker.io/library/'.length);
    for (const host of ['', 'docker.io/', 'registry.hub.docker.com:443/library/']) {
      expect(parseImageReference(host + path).ok).toBe(true);
      expect(parseImageReference(`${host}${path}g`).ok).toBe(false);
    }
  });

  it('accepts arbitrary text only if its normal form means the same', () => {
    const unit = fc.constantFrom(...'ab09AZ._-/:@[]* é'.split(''), 'docker.io/', 'sha256:', HEX, 'localhost');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 14 }), (text) => {
        const result = parseImageReference(text);
        if (!result.ok) return;
        expect(reference(result.reference.canonical)).toEqual(result.reference);
        expect(result.reference.canonical).toMatch(
          /^[a-z0-9.:[\]-]+\/[a-z0-9._/-]+(:[\w.-]+)?(@sha\d+:[0-9a-f]+)?$/,
        );
      }),
      { numRuns: 5000 },
    );
  });

  it('agrees with the reference implementation, and is stricter only where it means to be', () => {
    const component = fc.constantFrom(
      'a',
      'library',
      'b-c',
      'd_e',
      'f__g',
      'h.i',
      'K',
      'cafe',
      '',
      '.',
      'a..b',
    );
    const host = fc.constantFrom(
      '',
      'docker.io/',
      'index.docker.io/',
      'localhost/',
      'r.local/',
      'r:5000/',
      'r./',
      'R.x/',
    );
    const tag = fc.constantFrom('', ':1', ':Latest', ':', ':a b', ':-x');
    const digest = fc.constantFrom('', `@${DIGEST}`, '@sha256:00', '@x');
    const text = fc
      .tuple(host, fc.array(component, { minLength: 1, maxLength: 3 }), tag, digest)
      .map(([start, path, version, hash]) => start + path.join('/') + version + hash);
    fc.assert(
      fc.property(text, (written) => {
        const ours = parseImageReference(written);
        const theirs = attempt(() => parseFamiliarName(written));
        if (ours.ok) {
          expect(theirs?.domain).toBe(ours.reference.host);
          expect(theirs?.repository).toBe(ours.reference.path);
          const given = /[:@]/.test(written.slice(written.lastIndexOf('/') + 1));
          expect(theirs?.tag ?? (given ? null : 'latest')).toBe(ours.reference.tag);
          expect(theirs?.digest ?? null).toBe(ours.reference.digest);
        } else if (theirs !== undefined) {
          // A bare image id, or an upper-case host.
          expect(written).toMatch(/^[0-9a-f]+$|[A-Z].*\//);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

describe('imageReferenceForms', () => {
  it('gives every name with tag, with digest and with both', () => {
    const names = ['docker.io/library/t', 'library/t', 'docker.io/t', 't'];
    const versions = [`:1@${DIGEST}`, ':1', `@${DIGEST}`];
    const expected = names.flatMap((name) => versions.map((version) => name + version));
    expect(imageReferenceForms(reference(`t:1@${DIGEST}`))).toEqual(expected);
  });

  it.each([
    ['t', ['docker.io/library/t:latest', 'library/t:latest', 'docker.io/t:latest', 't:latest']],
    ['grafana/x:1', ['docker.io/grafana/x:1', 'grafana/x:1']],
    ['reg.local/x:1', ['reg.local/x:1']],
    ['library/a/b', ['docker.io/library/a/b:latest', 'library/a/b:latest']],
    ['docker.io/reg.local/x', ['docker.io/reg.local/x:latest']],
    ['docker.io/localhost/x', ['docker.io/localhost/x:latest']],
    [
      `library/t@${DIGEST}`,
      ['docker.io/library/', 'library/', 'docker.io/', ''].map((start) => `${start}t@${DIGEST}`),
    ],
  ])('%s', (text, expected) => {
    expect(imageReferenceForms(reference(text))).toEqual(expected);
  });

  it('gives only forms that mean the same repository', () => {
    const component = fc.constantFrom('a', 'library', 'localhost', 'reg.local', 'b');
    const text = fc
      .array(component, { minLength: 1, maxLength: 3 })
      .map((path) => `docker.io/${path.join('/')}:1`);
    fc.assert(
      fc.property(text, (written) => {
        for (const form of imageReferenceForms(reference(written))) {
          expect(reference(form).canonical).toBe(reference(written).canonical);
        }
      }),
    );
  });
});
