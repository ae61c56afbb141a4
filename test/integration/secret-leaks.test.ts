/** What a real job makes of its secret on a real engine is found in its logs and outputs, named, and, where policy says so, not stored. */
import { memoryStorage, type RunResult, staticSecrets } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const SECRET = 'correct-horse/battery+staple';
const SCRIPTS: Readonly<Record<string, string>> = {
  'as it is': 'cat "$TOKEN"',
  'byte by byte': 'dd if="$TOKEN" bs=1 2>/dev/null',
  'in base64': 'base64 < "$TOKEN"',
  'in base64 within other data': '(printf ab; cat "$TOKEN"; printf cd) | base64',
  'in hex': 'od -An -v -tx1 "$TOKEN" | tr -d " \\n"',
  'URL-encoded': 'sed "s,/,%2F,g; s/+/%2B/g" "$TOKEN"',
  'after a mebibyte': 'head -c 1048570 /dev/zero; cat "$TOKEN"',
};

async function leak(
  script: string,
  onLeak: 'report' | 'block',
): Promise<{ result: RunResult; stored: object }> {
  const policy = { secrets: { onLeak, allowDisk: true } };
  const runtime = await testRuntime({ policy }, { resolveSecret: staticSecrets({ token: SECRET }) });
  const outputTo = memoryStorage();
  const result = await runtime.runJob(
    {
      docker: {
        image,
        command: ['sh', '-c', script],
        workingDirectory: '/workspace',
        environment: { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } },
        outputs: ['out', 'clean'].map((workspacePath) => ({
          workspacePath,
          upload: 'caller',
          optional: true,
        })),
      },
    },
    { outputTo },
  );
  return { result, stored: outputTo.files() };
}

describe('a secret that a job writes', () => {
  it.each(Object.entries(SCRIPTS))(
    '%s is found in an output and in the log, and stored nowhere',
    async (_, program) => {
      const script = `echo clean > clean; mkdir out; (${program}) > out/file; (${program}) >&2`;
      const { result, stored } = await leak(script, 'block');
      expect(result).toMatchObject({
        reason: 'output_rejected',
        exitCode: 0,
        secretLeaks: [
          { secret: 'store:token', place: 'stderr', path: null },
          { secret: 'store:token', place: 'output', path: 'out/file' },
        ],
      });
      expect(stored).toEqual({});
    },
  );

  it('as the name of a file is found there', async () => {
    const { result, stored } = await leak(
      'mkdir -p "out/$(cat "$TOKEN")" && echo x > "out/$(cat "$TOKEN")/f"',
      'block',
    );
    expect(result.secretLeaks).toEqual([{ secret: 'store:token', place: 'output', path: 'out/***/f' }]);
    expect(stored).toEqual({});
  });

  it('is stored where policy only wants to know of it', async () => {
    const { result, stored } = await leak('echo clean > clean; cat "$TOKEN" > out', 'report');
    expect(result).toMatchObject({ status: 'succeeded', secretLeaks: [{ place: 'output', path: 'out' }] });
    expect(Object.keys(stored).sort()).toEqual(['clean', 'out']);
  });

  it('is nowhere in a job that keeps it to itself', async () => {
    const { result, stored } = await leak('wc -c < "$TOKEN" > out; echo ok; test -s "$TOKEN"', 'block');
    expect(result).toMatchObject({ status: 'succeeded', secretLeaks: [] });
    expect(Object.keys(stored)).toEqual(['out']);
  });
});
