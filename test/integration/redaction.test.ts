/** No secret of a real job on a real engine leaves its run; every single way out is tried on the fake engine. */
import { inspect } from 'node:util';
import { JobRuntimeError, memoryStorage, type RunEvent, staticSecrets } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

const SECRET = 'first "line"/+1\nsecond-line';
const TELLTALES: readonly string[] = [
  'first "l',
  'first \\"l',
  'second-line',
  'first%20',
  'first+%22',
  Buffer.from(SECRET).toString('hex').slice(4, 30),
  Buffer.from(SECRET).toString('hex').toUpperCase().slice(4, 30),
  ...['', 'a', 'ab'].map((before) =>
    Buffer.from(before + SECRET)
      .toString('base64')
      .slice(4, 24),
  ),
];

const environment = [{ name: 'TOKEN', secret: { source: 'store', key: 'token' } }] as const;
const resolveSecret = staticSecrets({ token: SECRET });

function expectNothing(...told: readonly unknown[]): void {
  const seen = told.flatMap((each) => [
    JSON.stringify(each),
    inspect(each, { depth: null, showHidden: true }),
  ]);
  for (const telltale of TELLTALES) {
    for (const text of seen) {
      expect(text).not.toContain(telltale);
      expect(text).not.toContain(JSON.stringify(telltale).slice(1, -1));
    }
  }
}

describe('a secret', () => {
  it('that the job prints in every form, byte by byte and in file names, is nowhere', async () => {
    const script = [
      'echo "$TOKEN"; echo "$TOKEN" >&2',
      'printf %s "$TOKEN" | while IFS= read -r -n 1 c; do printf %s "$c"; [ -n "$c" ] || echo; done; echo',
      'for p in "" a ab abc; do printf "%s%s" "$p" "$TOKEN" | base64; printf "%s%s" "$p" "$TOKEN" | base64 | tr "+/" "-_" >&2; done',
      'printf %s "$TOKEN" | od -An -v -tx1 | tr -d " \\n"; echo',
      'printf %s "$TOKEN" | od -An -v -tx1 | tr -d " \\n" | tr a-f A-F; echo',
      'printf %s "$TOKEN" | sed "s/ /%20/g; s/\\"/%22/g; s,/,%2F,g; s/+/%2B/g" | sed ":a;N;s/\\n/%0A/;ta"; echo',
      'printf %s "$TOKEN" | sed "s/\\"/\\\\\\\\\\"/g" | sed ":a;N;s/\\n/\\\\\\\\n/;ta"; echo',
      'mkdir -p out; echo "$TOKEN" > "out/second-line"',
      'echo "cat: $TOKEN: Permission denied" >&2',
      'exit 3',
    ].join('\n');
    const events: RunEvent[] = [];
    const lines: string[] = [];
    const sink: Uint8Array[] = [];
    const runtime = await testRuntime({}, { resolveSecret, onEvent: (event) => events.push(event) });
    const handle = runtime.startJob(
      {
        docker: {
          image,
          command: ['sh', 'job.sh'],
          workingDirectory: '/workspace',
          environment,
          outputs: [{ workspacePath: 'out', upload: 'caller' }],
        },
      },
      {
        files: { 'job.sh': script },
        metadata: { user: SECRET },
        // Given by the caller too, so that it is known before anything is said.
        secrets: { token: SECRET },
        outputTo: memoryStorage(),
        onLine: ({ text }) => lines.push(text),
        stdout: new WritableStream<Uint8Array>({
          write: (chunk) => {
            sink.push(chunk);
          },
        }),
      },
    );
    const result = await handle.result;
    for await (const event of handle.events) events.push(event);
    expectNothing(result, events, lines, Buffer.concat(sink).toString());
    expect(result).toMatchObject({
      reason: 'non_zero_exit',
      exitCode: 3,
      lastLog: { source: 'stderr', line: 'cat: ***: Permission denied' },
      metadata: { user: '***' },
      hints: [{ code: 'permission_denied' }],
      outputs: [{ state: 'uploaded', files: [{ path: 'out/***' }] }],
    });
    expect(result.message).toContain('last stderr: cat: ***: Permission denied');
    expect(result.stdout.text?.split('\n').filter((line) => line === '***').length).toBeGreaterThanOrEqual(5);
  });

  it('in the words of an entry point that cannot be executed is masked in its evidence', async () => {
    const runtime = await testRuntime({}, { resolveSecret });
    const result = await runtime.runJob({
      docker: { image, entryPoint: ['/no/second-line'], command: [SECRET], environment },
    });
    expect(result).toMatchObject({ reason: 'start_failed', exitCode: 127 });
    expect(result.message).toContain('/no/***');
    expect(result.evidence[0]?.what).toContain('/no/***');
    expectNothing(result);
  });

  it('in the error of a storage is masked with its cause and its details', async () => {
    const out = {
      ...memoryStorage(),
      write: async (): Promise<never> => {
        const cause = Object.assign(new Error(SECRET), { request: { authorization: SECRET } });
        return Promise.reject(new Error(`refused ${SECRET}`, { cause }));
      },
    };
    const runtime = await testRuntime({}, { resolveSecret });
    const error: unknown = await runtime
      .runJob(
        {
          docker: {
            image,
            command: ['sh', '-c', 'echo x > o; echo "$TOKEN"'],
            workingDirectory: '/workspace',
            environment,
            outputs: [{ workspacePath: 'o', upload: 'caller' }],
          },
        },
        { outputTo: out },
      )
      .catch((reason: unknown) => reason);
    expect(JobRuntimeError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ kind: 'storage', result: { exitCode: 0, stdout: { text: '***\n' } } });
    expectNothing(error, (error as Error).cause, (error as Error).stack);
  });

  it('that is short is masked as a word and named by its reference', async () => {
    const runtime = await testRuntime({}, { resolveSecret: staticSecrets({ token: 'pin42' }) });
    const result = await runtime.runJob({
      docker: { image, command: ['sh', '-c', 'echo "$TOKEN x${TOKEN}x"'], environment },
    });
    expect(result.stdout.text).toBe('*** xpin42x\n');
    expect(result.warnings).toEqual([expect.stringMatching(/^the secret "store:token" has fewer than 6/)]);
  });
});
