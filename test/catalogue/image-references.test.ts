/** Hostile and misleading image references, at the public front: which are refused, and that no spelling slips past a policy. */
import { configFromEnv } from 'berthkit';
import { evaluateImagePolicy, evaluateJob, parsePolicy } from 'berthkit/policy';
import { describe, expect, it } from 'vitest';
import { refusalOf, trial } from './fixture.js';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;

const job = (image: string): { readonly docker: { readonly image: string } } => ({ docker: { image } });
const judge = (image: string, images: { allow?: string[]; deny?: string[] }): boolean =>
  evaluateJob(job(image), { images }).allowed;

function thrownBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return JSON.stringify(error) + String(error);
  }
  throw new Error('nothing was thrown');
}

/** Refused for its shape, by the name of its field, whatever policy says. */
async function expectRefused(image: string, message: RegExp, hidden: readonly string[] = []): Promise<void> {
  const refusal = await refusalOf(job(image));
  expect(refusal).toMatchObject({
    code: 'validation.invalid_job',
    paths: ['docker.image'],
    messages: [expect.stringMatching(message)],
  });
  for (const text of hidden) expect(refusal.told).not.toContain(text);
}

describe('an image of Docker Hub under any of its names', () => {
  const SPELLINGS = [
    'alpine',
    'alpine:latest',
    'library/alpine',
    'docker.io/alpine',
    'docker.io/library/alpine:latest',
    'index.docker.io/alpine',
    'index.docker.io/library/alpine:latest',
  ];
  const DENIALS = [
    'docker.io/library/alpine*',
    'library/alpine',
    'docker.io/alpine',
    'index.docker.io/library/alpine:latest',
  ];

  it.each(SPELLINGS.flatMap((image) => DENIALS.map((pattern) => [image, pattern] as const)))(
    '%s is denied by %s',
    async (image, pattern) => {
      const refusal = await refusalOf(job(image), { policy: { images: { deny: [pattern] } } });
      expect(refusal).toMatchObject({ code: 'policy.denied', paths: ['docker.image'] });
      expect(refusal.messages[0]).toContain(pattern);
    },
  );

  it.each([
    'registry-1.docker.io/x',
    'docker.io:443/x',
    'registry.hub.docker.com/x',
    'index.docker.io:443/x',
  ])('%s is docker.io/library/x to policy', (image) => {
    expect(judge(image, { deny: ['x'] })).toBe(false);
    expect(judge(image, { allow: ['docker.io/library/x:latest'] })).toBe(true);
    expect(judge(image, { allow: ['docker.io/library/y:latest'] })).toBe(false);
  });
});

describe('a host that is no normal host name', () => {
  it.each([
    ['DOCKER.IO/x', /host must be lower-case/],
    ['docker.io./x', /must not end with a dot/],
    ['docker.io.:443/x', /must not end with a dot/],
    ['reg.local:0443/x', /port must be a number/],
    ['reg.local:99999/x', /port must be a number/],
  ])('%s is refused', async (image, message) => {
    await expectRefused(image, message);
  });
});

describe('upper case in a repository', () => {
  it('is refused', async () => {
    await expectRefused('test/BUSYBOX:1', /repository name must be lower-case/);
  });
});

describe('an image id instead of a name', () => {
  it.each([
    ['a whole id', HEX],
    ['a short id', HEX.slice(0, 12)],
    ['the fewest digits of a name that looks like one', 'abcdef'],
    ['a single hex digit', '8'],
    ['an id with its algorithm', DIGEST],
    ['the start of one', 'sha256:abcdef'],
    ['nothing but a digest', `@${DIGEST}`],
  ])('%s is refused', async (_, image) => {
    await expectRefused(image, /./);
  });

  it('is refused with the way to write a name that looks like one', async () => {
    await expectRefused('cafe', /not an image id; write a name that looks like an id with its tag/);
    expect(judge('cafe:latest', {})).toBe(true);
    expect(judge('library/cafe', {})).toBe(true);
  });
});

describe('no image at all', () => {
  it.each([
    ['an empty text', ''],
    ['a blank', ' '],
  ])('%s is refused', async (_, image) => {
    await expectRefused(image, /./);
  });
});

describe('a tag together with a digest', () => {
  const image = `repo:tag@${DIGEST}`;

  it('is accepted', () => {
    expect(judge(image, {})).toBe(true);
  });

  it.each([['repo:tag'], ['repo'], [`repo@${DIGEST}`], ['repo:*']])('is denied by %s', (pattern) => {
    expect(judge(image, { deny: [pattern] })).toBe(false);
  });

  it.each([
    [`repo@${DIGEST}`, true],
    ['repo:*', true],
    ['repo:tag', false],
    [`repo@sha256:${'f'.repeat(64)}`, false],
  ])('is, by an allowed %s, allowed: %s', (pattern, allowed) => {
    expect(judge(image, { allow: [pattern] })).toBe(allowed);
  });
});

describe('a tag that is moved after it was judged', () => {
  it('does not matter: the container is made of the id that was inspected', async () => {
    const { outcome, engine } = await trial(job('busybox:1'), {
      script: { run: (given) => ({ exitCode: /^sha256:[0-9a-f]{64}$/.test(given.spec.image) ? 0 : 3 }) },
    });
    expect(outcome).toMatchObject({ status: 'succeeded' });
    const calls = engine.calls.map(({ call }) => call);
    expect(calls.indexOf('images.inspect')).toBeLessThan(calls.indexOf('containers.create'));
  });
});

describe('a wildcard in a pattern', () => {
  it.each([
    ['reg.local/*', 'reg.local/a/b', true],
    ['reg.local/*', 'reg.local/a/b:1', true],
    ['reg.local/*', 'reg.local.evil.com/x', false],
    ['reg.local/*', 'reg.local:5000/x', false],
    ['reg.local/*', 'docker.io/reg.local/x', false],
    ['*.reg.local/*', 'evil.com/a.reg.local/x', false],
    ['busybox*', 'busybox.evil.com/x', false],
    ['busybox:*', 'busybox:5000/x', false],
  ])('%s allows %s: %s', (pattern, image, allowed) => {
    expect(judge(image, { allow: [pattern] })).toBe(allowed);
  });

  it.each(['reg.local*', 'reg.local?', 'reg.local:*'])(
    'may not stand right after a host, as in %s',
    (pattern) => {
      expect(() => parsePolicy({ images: { allow: [pattern] } })).toThrow(
        /images\.allow\.0: a wildcard right after a host name would cover other hosts too/,
      );
    },
  );
});

describe('a host in upper case in a pattern', () => {
  it('is lower-cased when the policy is loaded', () => {
    expect(judge('registry.example.com/x', { deny: ['Registry.Example.com/x'] })).toBe(false);
    expect(judge('registry.example.com/x', { allow: ['Registry.Example.com/*'] })).toBe(true);
  });
});

describe('a text that is no reference', () => {
  it.each([
    ['a URL', 'http://reg.local/x', /without a URL scheme/],
    ['a leading blank', ' alpine', /without blanks/],
    ['a trailing blank', 'alpine ', /without blanks/],
    ['an empty component', 'reg.local//x', /components/],
    ['a step nowhere', 'reg.local/./x', /components/],
    ['a step up', 'reg.local/../x', /components/],
    ['a Cyrillic letter', 'alpin\u0435', /ASCII/],
    ['NUL', 'alpine\0', /NUL/],
    ['a newline', 'alpine\n', /ASCII/],
    ['a name of 256 characters', `reg.local/${'a'.repeat(246)}`, /longer than 255/],
    ['a text that is longer than any reference', 'a'.repeat(1_000_000), /512 characters/],
  ])('%s is refused', async (_, image, message) => {
    await expectRefused(image, message);
  });

  it.each(['user:hunter2@reg.local/x', 'http://user:hunter2@reg.local/x', 'reg.local/x@hunter2'])(
    'with credentials (%s) is refused without repeating them',
    async (image) => {
      await expectRefused(image, /./, ['hunter2']);
    },
  );

  it.each([
    'user:hunter2@reg.local/*',
    'user:hunter2@reg.local/x',
    'user:hunter2@hunter2@reg.local/x',
    'http://user:hunter2@reg.local/*',
    `user:hunter2@reg.local/x@${DIGEST}`,
  ])('as a pattern with credentials (%s) is refused without repeating them', (pattern) => {
    for (const list of ['allow', 'deny'] as const) {
      const fromCode = thrownBy(() => parsePolicy({ images: { [list]: [pattern] } }));
      expect(fromCode).toContain(`images.${list}.0`);
      const variable = list === 'allow' ? 'CATALOG_DOCKER_IMAGE_ALLOWLIST' : 'CATALOG_DOCKER_IMAGE_DENYLIST';
      const fromEnvironment = thrownBy(() => configFromEnv({ [variable]: pattern }));
      expect(fromEnvironment).toContain(variable);
      const { reason } = evaluateImagePolicy('alpine', { allow: [], deny: [], [list]: [pattern] });
      expect(reason).toContain(`images.${list}[0]`);
      expect(`${fromCode}${fromEnvironment}${reason}`).not.toContain('hunter2');
    }
  });
});

describe('a template where a reference should be', () => {
  it.each(['alpine:${version}', '${image}', '{{ image }}', '<%= image %>', 'alpine:$TAG'])(
    '%s is refused: nothing is filled in',
    async (image) => {
      await expectRefused(image, /ASCII letters/);
    },
  );

  it('what was judged is what runs, whatever the caller does to the definition then', async () => {
    const docker = { image: 'busybox:1' };
    const { outcome } = await trial(
      { docker },
      {
        script: { images: { 'busybox:1': {} } },
        config: { policy: { images: { allow: ['busybox:1'] } } },
        options: {
          onEvent: ({ type }) => {
            if (type === 'policy_decision') docker.image = 'evil:1';
          },
        },
      },
    );
    expect(docker.image).toBe('evil:1');
    expect(outcome).toMatchObject({ status: 'succeeded', image: { reference: 'busybox:1' } });
  });
});
