/** A run with a secret on the fake engine, and all that leaves it. No test by itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import {
  createRuntime,
  type JobDefinition,
  type JobRuntimeError,
  memoryStorage,
  type RunEvent,
  type RunOptions,
  type RunResult,
  type RuntimePorts,
  staticSecrets,
  type StorageAdapter,
  StorageError,
} from 'berthkit';
import { fakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { expect } from 'vitest';

/** With blanks, quotes, letters beyond ASCII and two lines. */
export const SECRET = 'p@ss "wörd"/+1\nsecond-line';
/** What a job may make of it. */
export const FORMS: readonly string[] = [
  SECRET,
  'p@ss "wörd"/+1',
  'second-line',
  SECRET.replace('\n', '\r\n'),
  ...['', 'a', 'ab'].map((before) => Buffer.from(before + SECRET).toString('base64')),
  Buffer.from(SECRET).toString('base64url'),
  Buffer.from(SECRET).toString('hex'),
  Buffer.from(SECRET).toString('hex').toUpperCase(),
  encodeURIComponent(SECRET),
  new URLSearchParams({ '': SECRET }).toString().slice(1),
  JSON.stringify(SECRET).slice(1, -1),
  JSON.stringify(JSON.stringify(SECRET)).slice(3, -3),
];
/** Pieces that give the secret away in whatever form it is looked for. */
const TELLTALES: readonly string[] = [
  'p@ss "w',
  'second-line',
  'p%40ss',
  'p@ss \\',
  Buffer.from(SECRET).toString('hex').slice(0, 20),
  Buffer.from(SECRET).toString('hex').slice(-20),
  ...['', 'a', 'ab'].map((before) =>
    Buffer.from(before + SECRET)
      .toString('base64')
      .slice(4, 24),
  ),
];

const DEFINITION: JobDefinition = {
  slug: 'job',
  docker: {
    image: 'busybox:1',
    command: ['work'],
    environment: [{ name: 'TOKEN', secret: { source: 'store', key: 'token' } }],
    inputs: [{ source: { type: 'filestorePath', backendMountId: 'in', path: '/a' }, workspacePath: 'a' }],
    outputs: [{ workspacePath: 'out', upload: { backendMountId: 'out', pathTemplate: '${runId}/out' } }],
  },
};

/** All that left a run. */
export interface Told {
  readonly outcome: RunResult | JobRuntimeError;
  readonly events: readonly RunEvent[];
  readonly lines: readonly string[];
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs the job and gathers all that leaves the run. */
export async function run(
  script: FakeEngineScript,
  ports: RuntimePorts = {},
  options: RunOptions = {},
): Promise<Told> {
  const events: RunEvent[] = [];
  const lines: string[] = [];
  const bytes: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] };
  const sinkOf = (name: 'stdout' | 'stderr'): Writable =>
    new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        bytes[name].push(chunk);
        done();
      },
    });
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-redact-'));
  const runtime = createRuntime(
    { workspaceRoot: join(folder, 'root'), stopGraceMs: 1000 },
    {
      engine: fakeEngine(script),
      storage: { in: memoryStorage({ a: 'input' }), out: memoryStorage() },
      resolveSecret: staticSecrets({ token: SECRET }),
      onEvent: (event) => events.push(event),
      ...ports,
    },
  );
  const handle = runtime.startJob(DEFINITION, {
    onLine: ({ text }) => lines.push(text),
    onEvent: (event) => events.push(event),
    stdout: sinkOf('stdout'),
    stderr: sinkOf('stderr'),
    ...options,
  });
  const outcome = await handle.result.catch((error: unknown) => error);
  for await (const event of handle.events) events.push(event);
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
  return {
    outcome: outcome as RunResult | JobRuntimeError,
    events,
    lines,
    stdout: Buffer.concat(bytes.stdout),
    stderr: Buffer.concat(bytes.stderr),
  };
}

/** Every way a value can be looked at. */
function everythingOf({ outcome, events, lines, stdout, stderr }: Told): string {
  const error = outcome as Partial<JobRuntimeError>;
  const seen: string[] = [JSON.stringify(outcome), inspect(outcome, { depth: null, showHidden: true })];
  for (
    let each: unknown = outcome, depth = 0;
    each instanceof Error && depth < 20;
    each = each.cause, depth += 1
  ) {
    seen.push(each.message, each.stack ?? '', String(each), JSON.stringify(each), inspect(each));
  }
  seen.push(JSON.stringify(error.details ?? {}), JSON.stringify(events), inspect(events, { depth: null }));
  return [...seen, ...lines, stdout.toString(), stderr.toString()].join('\n');
}

export function expectNothing(told: Told): void {
  const everything = everythingOf(told);
  for (const telltale of TELLTALES) expect(everything).not.toContain(telltale);
  for (const form of FORMS) expect(everything).not.toContain(form);
}

/** An error that tells the secret by every field it has. */
export function chatty(): StorageError {
  const inner = Object.assign(new TypeError(`inner ${SECRET}`), {
    code: SECRET,
    config: { headers: { authorization: SECRET } },
    name: SECRET,
  });
  const many = new AggregateError([new Error(SECRET), SECRET], SECRET, { cause: inner });
  return new StorageError('storage.failed', `broken: ${SECRET}`, {
    cause: many,
    hint: `try ${SECRET}`,
    details: {
      url: new URL(`http://x/?q=${encodeURIComponent(SECRET)}`),
      [SECRET]: 1,
      nested: [{ deep: SECRET, bytes: Buffer.from(SECRET), error: new Error(SECRET) }],
      map: new Map([[SECRET, SECRET]]),
    },
  });
}

/** A storage that holds the input, but for some calls. */
export const storageThat = (fields: Partial<StorageAdapter>): StorageAdapter => ({
  ...memoryStorage({ a: 'input' }),
  ...fields,
});
