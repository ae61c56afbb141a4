/** Proxies of Docker's client configuration in a job's environment: only where the operator asks for them, and never over the job's own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobDefinition, RunResult } from 'berthkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settle, setUp, testFolder } from './run-fixture.js';

const PROXY = 'http://robot:hunter3-hunter3@proxy.example:3128';

async function configure(config: unknown): Promise<void> {
  const folder = join(testFolder(), 'docker');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  vi.stubEnv('DOCKER_CONFIG', folder);
}

beforeEach(async () => {
  await configure({ proxies: { default: { httpProxy: PROXY, noProxy: 'localhost' } } });
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const job = (environment: Readonly<Record<string, string>> = {}): JobDefinition => ({
  docker: { image: 'busybox:1', environment },
});

async function run(dockerProxies: boolean, definition = job()) {
  let seen: Readonly<Record<string, string>> = {};
  const setup = setUp(
    {
      run: async ({ environment, stdout }) => {
        seen = environment;
        await stdout(`${PROXY} hunter3-hunter3 ${Buffer.from('robot:hunter3-hunter3').toString('base64')}\n`);
      },
    },
    {},
    { engine: { dockerProxies } },
  );
  const outcome = await settle(setup, {}, definition);
  return { outcome, seen, text: JSON.stringify([outcome, setup.events]), calls: setup.engine.calls };
}

describe('proxies of the Docker client', () => {
  it('are not looked at unless the operator asks for them', async () => {
    await configure('{ no JSON');
    const { outcome, seen } = await run(false);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(Object.keys(seen).filter((name) => /proxy/i.test(name))).toEqual([]);
  });

  it('reach the job in both cases, as far as there are any, and nobody else', async () => {
    const { outcome, seen, text } = await run(true);
    expect(outcome).toMatchObject({ status: 'succeeded' });
    const proxies = Object.fromEntries(Object.entries(seen).filter(([name]) => /proxy/i.test(name)));
    expect(proxies).toEqual({
      HTTP_PROXY: PROXY,
      http_proxy: PROXY,
      NO_PROXY: 'localhost',
      no_proxy: 'localhost',
    });
    expect((outcome as RunResult).stdout.text).toBe('*** *** ***\n');
    expect((outcome as RunResult).secretLeaks).toMatchObject([
      { secret: 'proxy credentials', place: 'stdout' },
    ]);
    expect(text).not.toContain('hunter3');
  });

  it('give way to what the job says itself, in either case', async () => {
    const { seen } = await run(true, job({ http_proxy: '', NO_PROXY: '<proxy:noProxy>' }));
    expect(Object.entries(seen).filter(([name]) => /proxy/i.test(name))).toEqual([
      ['http_proxy', ''],
      ['NO_PROXY', '<proxy:noProxy>'],
    ]);
  });

  it('that cannot be read keep the job from running', async () => {
    await configure({ proxies: { default: { httpProxy: 1 } } });
    const { outcome, calls } = await run(true);
    expect(outcome).toMatchObject({ code: 'secret.failed' });
    expect(calls.map(({ call }) => call)).not.toContain('containers.create');
  });

  it('stand in an explanation by name alone', async () => {
    const { runtime } = setUp({}, {}, { engine: { dockerProxies: true } });
    const { plan, pending } = runtime.explain(job({ HTTPS_PROXY: 'mine' }));
    expect(plan?.container.environment).toContainEqual({ name: 'http_proxy', value: '<proxy:httpProxy>' });
    expect(plan?.proxyEnvironment).toContainEqual({ name: 'NO_PROXY', proxy: 'noProxy' });
    expect(plan?.proxyEnvironment.map(({ proxy }) => proxy)).not.toContain('httpsProxy');
    expect(pending.join()).toMatch(/HTTP_PROXY, http_proxy, FTP_PROXY.*client configuration/);
    await runtime.close();
  });
});
