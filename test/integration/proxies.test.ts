/** What a job on a real engine is told of the proxies in Docker's client configuration. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { temporaryFolder, testRuntime } from './setup.js';
import { engineHost } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

it('is what stands there for the host of its engine, masked where it holds credentials', async () => {
  const folder = await temporaryFolder();
  const own = {
    httpsProxy: 'http://robot:hunter3-hunter3@proxy.example:3128',
    noProxy: 'localhost,.example',
  };
  const proxies = { default: { ftpProxy: 'http://other:1' }, [engineHost]: own };
  await writeFile(join(folder, 'config.json'), JSON.stringify({ proxies }));
  vi.stubEnv('DOCKER_CONFIG', folder);
  const runtime = await testRuntime({ engine: { dockerProxies: true } });
  const script = 'env | grep -i _proxy | sort; echo ${#HTTPS_PROXY} ${#https_proxy}';
  const result = await runtime.runJob({ docker: { image, command: ['sh', '-c', script] } });
  const { length } = own.httpsProxy;
  expect(result.stdout.text?.trim().split('\n')).toEqual([
    'HTTPS_PROXY=***',
    `NO_PROXY=${own.noProxy}`,
    'https_proxy=***',
    `no_proxy=${own.noProxy}`,
    `${String(length)} ${String(length)}`,
  ]);
  expect(result).toMatchObject({ status: 'succeeded' });
});
