/** Hostile variables, and secrets in wrong places, at the public front. Resolvers and masking have files of their own. */
import { staticSecrets } from 'berthkit';
import type { FakeJob } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { refusalOf, trial, type Trial } from './fixture.js';

const SECRET = 'hunter2-hunter2';
const IMAGE = 'busybox:1';
const reference = { source: 'store', key: 'token' } as const;
const TOKEN = { name: 'TOKEN', secret: reference };

const refusalFor = async (environment: unknown, config = {}): ReturnType<typeof refusalOf> =>
  refusalOf({ docker: { image: IMAGE, environment } }, config);

async function runWith(
  environment: unknown,
): Promise<Trial & { readonly seen: Readonly<Record<string, string>> | undefined }> {
  let seen: Readonly<Record<string, string>> | undefined;
  const run = (job: FakeJob): undefined => void (seen = job.environment);
  return { ...(await trial({ docker: { image: IMAGE, environment } }, { script: { run } })), seen };
}

describe('the name of a variable', () => {
  it.each(['=x', 'A=B', 'A\0', 'A\nB', 'A B', ' A', '', '1A', 'A-B', '\u0410', 'A'.repeat(129)])(
    'may not be %j, and its value is not repeated',
    async (name) => {
      const inList = await refusalFor([{ name, value: SECRET }]);
      expect(inList).toMatchObject({
        code: 'validation.invalid_job',
        paths: ['docker.environment.0.name'],
        messages: [expect.stringContaining('must be a letter or "_"')],
      });
      const inMap = await refusalFor({ [name]: SECRET });
      expect(inMap).toMatchObject({ code: 'validation.invalid_job', paths: [`docker.environment.${name}`] });
      expect(inList.told + inMap.told).not.toContain(SECRET);
    },
  );

  it('may not reach a prototype', async () => {
    const refusal = await refusalFor(JSON.parse(`{ "__proto__": "${SECRET}" }`));
    expect(refusal).toMatchObject({
      code: 'validation.invalid_job',
      paths: ['docker.environment.__proto__'],
    });
    expect(refusal.told).not.toContain(SECRET);
  });

  it.each([
    ['the same', 'TOKEN'],
    ['the same in lower case', 'token'],
    ['the same in mixed case', 'Token'],
  ])('may not stand twice: %s', async (_, name) => {
    const refusal = await refusalFor([
      { name: 'TOKEN', value: SECRET },
      { name, value: SECRET },
    ]);
    expect(refusal).toMatchObject({ code: 'validation.invalid_job', paths: ['docker.environment.1.name'] });
    expect(refusal.messages[0]).toContain('Duplicate environment variable');
    expect(refusal.told).not.toContain(SECRET);
  });

  it('may not stand twice in a map either', async () => {
    expect(await refusalFor({ TOKEN: 'a', token: 'b' })).toMatchObject({
      paths: ['docker.environment.token'],
    });
  });
});

describe('the value of a variable', () => {
  it.each([
    ['NUL', `${SECRET}\0`],
    ['too much', SECRET.repeat(400)],
    ['no text', { inner: SECRET }],
  ])('may not hold %s, and is not repeated', async (_, value) => {
    for (const [environment, path] of [
      [[{ name: 'A', value }], 'docker.environment.0.value'],
      [{ A: value }, 'docker.environment.A'],
    ] as const) {
      const refusal = await refusalFor(environment);
      expect(refusal.code).toBe('validation.invalid_job');
      expect(refusal.paths.every((each) => each.startsWith(path))).toBe(true);
      expect(refusal.told).not.toContain(SECRET);
    }
  });

  it.each(['', 'a\nb', 'a\r\nb\n', ' ', '=', '$HOME', '${HOME}', '\u202e', '"\'`'])(
    'may be %j',
    async (value) => {
      const { outcome, seen } = await runWith([{ name: 'A', value }]);
      expect(outcome).toMatchObject({ status: 'succeeded' });
      expect(seen?.['A']).toBe(value);
    },
  );
});

describe('a variable that changes what programs do', () => {
  const NAMES = [
    ...['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'PATH', 'HOME', 'BASH_ENV', 'ENV'],
    ...['NODE_OPTIONS', 'PYTHONPATH', 'DOCKER_HOST', 'DOCKER_CONFIG'],
  ];

  it.each(NAMES)('%s reaches the job alone, whom alone it can hurt', async (name) => {
    const { outcome, seen } = await runWith({ [name]: '/evil' });
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual({ HOME: '/tmp', [name]: '/evil' });
    expect(process.env[name]).not.toBe('/evil');
  });

  it.each(NAMES)('%s can be denied by the operator', async (name) => {
    const config = { policy: { security: { deniedEnvironment: [`${name.slice(0, 3)}*`] } } };
    const refusal = await refusalFor(
      [
        { name: 'FINE', value: SECRET },
        { name, value: SECRET },
      ],
      config,
    );
    expect(refusal).toMatchObject({ code: 'policy.denied', paths: ['docker.environment.1.name'] });
    expect(refusal.messages[0]).toContain(name);
    expect(refusal.told).not.toContain(SECRET);
  });

  it('is denied by the operator also where its value is a secret', async () => {
    const config = { policy: { security: { deniedEnvironment: ['TOK*'] } } };
    expect(await refusalFor([TOKEN], config)).toMatchObject({
      code: 'policy.denied',
      paths: ['docker.environment.0.name'],
    });
  });

  it('of this process is never handed on', async () => {
    process.env['BERTHKIT_CATALOGUE_PROBE'] = SECRET;
    try {
      const { seen, told } = await runWith([]);
      expect(seen).toEqual({ HOME: '/tmp' });
      const asked = await runWith([
        { name: 'A', secret: { source: 'env', key: 'BERTHKIT_CATALOGUE_PROBE' } },
      ]);
      expect(asked.outcome).toMatchObject({ code: 'secret.not_found' });
      expect(told + asked.told).not.toContain(SECRET);
    } finally {
      delete process.env['BERTHKIT_CATALOGUE_PROBE'];
    }
  });
});

describe('a secret', () => {
  it.each<[string, unknown, string]>([
    ['beside an inline value', [{ ...TOKEN, value: SECRET }], 'docker.environment.0.value'],
    ['beside an empty inline value', [{ ...TOKEN, value: '' }], 'docker.environment.0.value'],
    [
      'with a value in its reference',
      [{ name: 'A', secret: { ...reference, value: SECRET } }],
      'docker.environment.0.secret.value',
    ],
    ['instead of its reference', [{ name: 'A', secret: SECRET }], 'docker.environment.0.secret'],
    ['in a map beside a value', { A: { secret: reference, value: SECRET } }, 'docker.environment.A.value'],
    ['as an assignment', [`TOKEN=${SECRET}`], 'docker.environment.0'],
    ['with neither value nor reference', [{ name: 'A' }], 'docker.environment.0'],
    [
      'of an unknown source',
      [{ name: 'A', secret: { source: SECRET, key: SECRET } }],
      'docker.environment.0.secret.source',
    ],
  ])('%s is refused without being repeated', async (_, environment, path) => {
    const refusal = await refusalFor(environment);
    expect(refusal).toMatchObject({ code: 'validation.invalid_job', paths: [path] });
    expect(refusal.told).not.toContain(SECRET);
  });

  it.each([
    ['a template', { template: '${secret}' }],
    ['content', { content: SECRET }],
    ['secrets', { secrets: [reference] }],
  ])('cannot reach the configuration file: it has no %s', async (_, extra) => {
    const refusal = await refusalOf({ docker: { image: IMAGE, configFile: { filename: 'c', ...extra } } });
    expect(refusal).toMatchObject({
      code: 'validation.invalid_job',
      paths: [`docker.configFile.${Object.keys(extra).join('')}`],
    });
    expect(refusal.told).not.toContain(SECRET);
  });

  it('that is only named in parameters is not resolved', async () => {
    const asked: string[] = [];
    let content = '';
    const { outcome } = await trial(
      {
        defaultParameters: { token: { secret: reference }, text: '<secret:store:token>' },
        docker: { image: IMAGE, configFile: { filename: 'c.json' } },
      },
      {
        script: {
          run: async (job) => {
            content = Buffer.from(await job.readFile('/workspace/c.json')).toString();
            return { exitCode: 0 };
          },
        },
        ports: {
          resolveSecret: async ({ key }) => {
            asked.push(key);
            return Promise.resolve(SECRET);
          },
        },
      },
    );
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(asked).toEqual([]);
    expect(JSON.parse(content)).toMatchObject({
      parameters: { token: { secret: reference }, text: '<secret:store:token>' },
    });
  });

  it('that policy does not list is refused before it is asked for', async () => {
    const config = { policy: { secrets: { allow: ['store:other', 'env:token'] } } };
    expect(await refusalFor([TOKEN], config)).toMatchObject({
      code: 'policy.denied',
      paths: ['docker.environment.0.secret'],
    });
    const { name, ...secret } = TOKEN;
    expect(await refusalFor({ PLAIN: 'x', [name]: secret }, config)).toMatchObject({
      code: 'policy.denied',
      paths: [`docker.environment.${name}.secret`],
    });
  });

  it('is in the environment of the container and nowhere else in what the engine is told', async () => {
    const specs: string[] = [];
    await trial(
      { slug: 'job', docker: { image: IMAGE, command: ['a'], environment: [TOKEN] } },
      {
        script: {
          run: (job) => {
            expect(job.environment['TOKEN']).toBe(SECRET);
            specs.push(JSON.stringify({ ...job.spec, environment: [] }));
            return { exitCode: 0 };
          },
        },
        ports: { resolveSecret: staticSecrets({ token: SECRET }) },
      },
    );
    expect(specs).toHaveLength(1);
    expect(specs[0]).not.toContain(SECRET);
  });

  it('dies with the memory of its job: there are no core dumps, and a job cannot ask for them', async () => {
    let ulimits: readonly object[] = [];
    await trial(
      { docker: { image: IMAGE, environment: [TOKEN] } },
      {
        script: { run: (job) => void (ulimits = job.spec.resources.ulimits) },
        ports: { resolveSecret: staticSecrets({ token: SECRET }) },
      },
    );
    expect(ulimits).toContainEqual({ name: 'core', soft: 0, hard: 0 });
    const resources = { ulimits: [{ name: 'core', soft: 1, hard: 1 }] };
    expect(await refusalOf({ docker: { image: IMAGE, resources } })).toMatchObject({
      code: 'policy.denied',
      paths: [expect.stringMatching(/^docker\.resources\.ulimits/)],
    });
  });
});
