/** What Docker's client configuration says of proxies, and what is made of files that say it wrongly. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dockerClientProxies } from '../../../src/engine/docker/client-proxies.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berthkit-proxies-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const HOST = 'tcp://10.0.0.1:2375';

async function read(config: unknown, host: string | null = HOST): Promise<unknown> {
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return Object.fromEntries(await dockerClientProxies({ DOCKER_CONFIG: folder }, host));
}

describe('proxies of the client configuration', () => {
  it('are those of the host, else the default ones, never both', async () => {
    const proxies = { default: { httpProxy: 'd', noProxy: 'n' }, [HOST]: { httpsProxy: 'h' } };
    expect(await read({ proxies })).toEqual({ httpsProxy: 'h' });
    expect(await read({ proxies }, 'unix:///other')).toEqual({ httpProxy: 'd', noProxy: 'n' });
    expect(await read({ proxies }, null)).toEqual({ httpProxy: 'd', noProxy: 'n' });
  });

  it('are the five there are', async () => {
    const all = { httpProxy: 'a', httpsProxy: 'b', ftpProxy: 'c', noProxy: 'd', allProxy: 'e' };
    expect(await read({ proxies: { default: { ...all, other: 'f', HTTP_PROXY: 'g' } } })).toEqual(all);
  });

  it.each([
    {},
    { proxies: null },
    { proxies: { default: null } },
    { proxies: { default: { httpProxy: '' } } },
  ])('are none in %j', async (config) => {
    expect(await read(config)).toEqual({});
  });

  it('are looked for in the home without DOCKER_CONFIG, and none where there is no file', async () => {
    expect(await dockerClientProxies({ HOME: folder }, HOST)).toEqual(new Map());
    await mkdir(join(folder, '.docker'));
    const config = { proxies: { default: { allProxy: 'x' } } };
    await writeFile(join(folder, '.docker', 'config.json'), JSON.stringify(config));
    expect(await dockerClientProxies({ HOME: folder, DOCKER_CONFIG: '' }, HOST)).toEqual(
      new Map([['allProxy', 'x']]),
    );
  });

  it.each<[unknown, RegExp]>([
    ['{"proxies": "user:hunter2@', /invalid JSON/],
    [['hunter2'], /no JSON object/],
    [{ proxies: { default: { httpProxy: 8080 } } }, /proxies\["default"\]\.httpProxy/],
    [{ proxies: { [HOST]: { noProxy: 'hunter2\nX=1' } } }, /\.noProxy/],
    [{ proxies: { default: { ftpProxy: ['hunter2'] } } }, /\.ftpProxy/],
  ])('in %j are refused without a word of them', async (config, message) => {
    const error = await read(config).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'secret.failed',
      hint: expect.stringContaining('engine.dockerProxies') as string,
    });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('hunter2');
  });
});
