/** Standard input from a file of the caller's: opened before there is a container, never through a link, and let go of with the run. */
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { RunEvent } from 'berthkit';
import type { FakeEngineScript } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { settle, setUp, testFolder } from './run-fixture.js';

const JOB = { docker: { image: 'busybox:1' } };
const inTestFolder = (name: string): string => join(testFolder(), name);

function reading(seen: string[]): FakeEngineScript['run'] {
  return async (job) => {
    seen.push((await buffer(job.stdin)).toString());
    return { exitCode: 0 };
  };
}

/** Descriptors of this process that stand for a file. */
async function descriptorsOf(path: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map(async (name) =>
    readlink(`/proc/self/fd/${name}`).catch(() => ''),
  );
  return (await Promise.all(links)).filter((link) => link === path).length;
}

describe('standard input from a file', () => {
  it.each<[string, string, (path: string) => unknown]>([
    ['is not there', 'is not there', () => undefined],
    ['is a folder', 'is a directory', async (path) => mkdir(path)],
    [
      'is a link',
      'is a symlink',
      async (path) => {
        await writeFile(`${path}-target`, 'secret');
        await symlink(`${path}-target`, path);
      },
    ],
    ['is a pipe', 'is a fifo', (path) => execFileSync('mkfifo', [path])],
  ])('that %s is refused before anything is asked of the engine', async (_, problem, make) => {
    const path = inTestFolder('input');
    await make(path);
    const setup = setUp();
    const outcome = await settle(setup, { stdin: { path } }, JOB);
    expect(outcome).toMatchObject({
      code: 'validation.invalid_job',
      message: `stdin: ${JSON.stringify(path)}: ${problem}`,
    });
    expect(setup.engine.calls).toEqual([]);
  });

  it('arrives, and the file is closed when the run is over', async () => {
    const path = inTestFolder('input');
    await writeFile(path, 'what is asked');
    const seen: string[] = [];
    let open = 0;
    const run: FakeEngineScript['run'] = async (job) => {
      open = await descriptorsOf(path);
      return reading(seen)?.(job);
    };
    expect(await settle(setUp({ run }), { stdin: { path } }, JOB)).toMatchObject({
      ...{ status: 'succeeded', warnings: [] },
      given: { stdin: { sizeBytes: 13 } },
    });
    expect(seen).toEqual(['what is asked']);
    expect([open, await descriptorsOf(path)]).toEqual([1, 0]);
  });

  it('is closed, too, where no container is started, and where the job does not read it', async () => {
    const path = inTestFolder('input');
    await writeFile(path, 'x'.repeat(1_000_000));
    const stdin = { path };
    expect(await settle(setUp({ fail: [{ call: 'containers.create' }] }), { stdin }, JOB)).toMatchObject({
      code: 'engine.failed',
    });
    expect(await settle(setUp({ run: () => ({ exitCode: 0 }) }), { stdin }, JOB)).toMatchObject({
      ...{ status: 'succeeded', warnings: [] },
    });
    expect(await descriptorsOf(path)).toBe(0);
  });

  it('is read by its stream where it was given as one, although that has a path', async () => {
    const path = inTestFolder('input');
    await writeFile(path, 'not this, but this');
    const seen: string[] = [];
    const given = {
      stdin: createReadStream(path, { start: 10 }),
      files: { a: createReadStream(path, { end: 2 }) },
    };
    const run: FakeEngineScript['run'] = async (job) => {
      seen.push(Buffer.from(await job.readFile('/workspace/a')).toString());
      return reading(seen)?.(job);
    };
    expect(await settle(setUp({ run }), given, JOB)).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual(['not', 'but this']);
  });
});

describe('standard input from a stream that fails', () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    yield await Promise.reject(new Error('the sender hung up'));
  }

  it('ends the job, is no success whatever that says of its end, and is not tried again', async () => {
    const setup = setUp({ run: reading([]) });
    const retry = { on: ['infrastructure', 'user', 'limit'] } as const;
    expect(await settle(setup, { stdin: broken(), retry }, JOB)).toMatchObject({
      ...{ status: 'cancelled', reason: 'cancelled', category: 'caller', retryable: false, attempt: 1 },
      message: expect.stringMatching(
        /was cancelled: its standard input broke off: the sender hung up/,
      ) as string,
      evidence: [{ by: 'caller' }, ...Array.from({ length: 2 }, () => expect.anything() as object)],
      given: { stdin: { sizeBytes: null, sha256: null } },
    });
  });

  it('has no effect on a job that has ended, and wanted no more', async () => {
    let fail = (): void => undefined;
    const failing = new Promise<never>((_resolve, reject) => {
      fail = () => {
        reject(new Error('too late'));
      };
    });
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('all it needs');
      yield await failing;
    }
    const setup = setUp({ run: () => ({ exitCode: 0 }) });
    const onEvent = ({ type }: RunEvent): void => {
      if (type === 'container_exited') fail();
    };
    expect(await settle(setup, { stdin: slow(), onEvent }, JOB)).toMatchObject({
      ...{ status: 'succeeded', warnings: [] },
    });
  });
});
