/** What a job says of a secret does not leave the run by any way out, on the fake engine. What others say has a file of its own. */
import {
  memoryStorage,
  type RunResult,
  staticSecrets,
  type StorageAdapter,
  type WriteOptions,
} from 'berthkit';
import { describe, expect, it } from 'vitest';
import { expectNothing, FORMS, run, SECRET } from './redaction-fixture.js';

describe('what the job says', () => {
  it('is masked in every form, on every way out, however it is cut', async () => {
    const text = FORMS.map((form) => `<${form}>\n`).join('');
    for (const size of [1, 7, 4096]) {
      const told = await run({
        run: async (job) => {
          for (const say of [job.stdout, job.stderr]) {
            const bytes = Buffer.from(text);
            for (let at = 0; at < bytes.length; at += size) await say(bytes.subarray(at, at + size));
          }
          return { exitCode: 3 };
        },
      });
      expectNothing(told);
      expect(told.outcome).toMatchObject({ reason: 'non_zero_exit', exitCode: 3 });
      for (const bytes of [told.stdout, told.stderr]) expect(bytes.toString()).toContain('<***>\n');
      expect(told.outcome).toMatchObject({ stdout: { text: told.stdout.toString() } });
      expect(told.outcome).toMatchObject({ lastLog: { source: 'stderr' } });
      expect(told.lines.filter((line) => line === '<***>').length).toBeGreaterThan(FORMS.length);
    }
  });

  it('is masked in the last line, the message and the evidence of a start that failed', async () => {
    const told = await run({
      run: async (job) => {
        await job.stderr(`[FATAL tini (7)] exec ${job.environment['TOKEN'] ?? ''} failed: No such file`);
        return { exitCode: 127 };
      },
    });
    expectNothing(told);
  });

  it('is masked in the names of its files', async () => {
    const told = await run({
      run: async (job) => {
        await job.writeFile('/workspace/out/second-line.txt', 'x');
        return { exitCode: 0 };
      },
    });
    expectNothing(told);
    expect(told.outcome).toMatchObject({
      status: 'succeeded',
      outputs: [{ workspacePath: 'out', files: [{ path: 'out/***.txt' }] }],
    });
  });
});

describe('what the caller says', () => {
  it('is masked in what storages are told with an output', async () => {
    const memory = memoryStorage();
    const written: WriteOptions[] = [];
    const out: StorageAdapter = {
      stat: memory.stat,
      list: memory.list,
      read: memory.read,
      write: async (path, body, options) => {
        written.push(options);
        return memory.write(path, body, options);
      },
    };
    await run(
      {
        run: async (job) => {
          await job.writeFile('/workspace/out', 'x');
          return { exitCode: 0 };
        },
      },
      { storage: { in: memoryStorage({ a: 'input' }), out } },
      { metadata: { note: `uses ${SECRET.split('\n')[0] ?? ''}` } },
    );
    expect(written.map(({ metadata }) => metadata)).toMatchObject([{ note: 'uses ***' }]);
  });
});

describe('a secret of fewer than 6 characters', () => {
  it.each(['on', '12345', 'ab\n\n\n\n\n'])(
    '%j is masked as a word and named by its reference',
    async (value) => {
      const told = await run(
        {
          run: async (job) => {
            await job.stdout(`${value.trim()} x${value.trim()}x\n`);
            return { exitCode: 0 };
          },
        },
        { resolveSecret: staticSecrets({ token: value }) },
      );
      const { warnings, stdout } = told.outcome as RunResult;
      expect(stdout.text).toBe(`*** x${value.trim()}x\n`);
      expect(warnings).toEqual([expect.stringContaining('"store:token"')]);
      expect(warnings.join()).not.toMatch(new RegExp(`\\b${value.trim()}\\b`));
      expect(told.events.filter(({ type }) => type === 'warning')).not.toEqual([]);
    },
  );

  it('is not warned of when it has 6, and is when the caller gave it', async () => {
    const fine = await run({}, { resolveSecret: staticSecrets({ token: '123456' }) });
    expect((fine.outcome as RunResult).warnings).toEqual([]);
    const given = await run({}, {}, { secrets: { token: '1234', spare: 'ab' } });
    expect((given.outcome as RunResult).warnings).toEqual([
      expect.stringContaining('"store:token"'),
      expect.stringContaining('"store:spare"'),
    ]);
  });

  it('of a longer one is warned of by its reference where its lines are that short, and is no leak', async () => {
    const value = '{\n  8443\n  "correct horse battery"\n}';
    const told = await run(
      {
        run: async (job) => {
          await job.stdout('port 8443, not 84430 {\n');
          return { exitCode: 0 };
        },
      },
      { resolveSecret: staticSecrets({ token: value }) },
    );
    const { warnings, stdout, secretLeaks } = told.outcome as RunResult;
    expect(stdout.text).toBe('port ***, not 84430 {\n');
    expect(secretLeaks).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^the secret "store:token" has lines of fewer than 6/)]);
    expect(warnings.join()).not.toContain('8443');
  });

  it('leaves the words of our own and the names of the definition alone', async () => {
    const told = await run(
      {
        run: async (job) => {
          await job.writeFile('/workspace/out', 'x');
          return { exitCode: 0 };
        },
      },
      { resolveSecret: staticSecrets({ token: 'out' }) },
    );
    expect(told.outcome).toMatchObject({
      status: 'succeeded',
      outputs: [{ workspacePath: 'out', state: 'uploaded', files: [{ path: 'out' }] }],
    });
  });
});
