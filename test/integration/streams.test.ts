/** Bytes out of a job, on a real engine: nothing lost, nothing changed, and no reader, listener or sink that hurts the run. */
import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import type { RunEvent, RunOptions, RunResult, RuntimeConfigInput } from 'berthkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { testRuntime } from './setup.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

async function run(
  script: string,
  options: RunOptions = {},
  config: RuntimeConfigInput = {},
): Promise<RunResult> {
  const runtime = await testRuntime({ stopGraceMs: 1000, ...config });
  return runtime.runJob(
    { docker: { image, command: ['sh', '-c', script], workingDirectory: '/workspace' } },
    options,
  );
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** A sink that gathers, and does something first for each piece. */
function sink(
  gathered: Uint8Array[],
  before: (count: number) => Promise<void> | void = () => undefined,
): Writable {
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      void (async (): Promise<void> => {
        try {
          await before(gathered.length);
          gathered.push(new Uint8Array(chunk));
          done();
        } catch (error) {
          done(error as Error);
        }
      })();
    },
  });
}

const pause = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Every byte value, many times over, the same each time. */
const BINARY = 'i=0; while [ $i -lt 256 ]; do printf "\\\\x$(printf %02x $i)"; i=$((i+1)); done';
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

describe('output', () => {
  it('that is binary reaches a sink byte for byte, on both streams', async () => {
    const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
    const script = `${BINARY} > b; for n in 1 2 3 4 5 6 7 8; do cat b b b b > c; mv c b; done; cat b; cat b >&2`;
    const result = await run(script, { stdout: sink(out), stderr: sink(err) });
    const expected = sha256(Buffer.alloc(256 * 4 ** 8, ALL_BYTES));
    expect(result).toMatchObject({ status: 'succeeded', logsComplete: true, warnings: [] });
    expect(sha256(Buffer.concat(out))).toBe(expected);
    expect(sha256(Buffer.concat(err))).toBe(expected);
    expect(result.stdout.totalBytes).toBe(256 * 4 ** 8);
  });

  it('keeps characters whole that arrive in pieces', async () => {
    const text = 'é€🔑'.repeat(20_000);
    const events: string[] = [];
    const lines: string[] = [];
    const result = await run(
      'cat > in; head -c 3 in; sleep 0.1; tail -c +4 in | head -c 3; sleep 0.1; tail -c +7 in; printf "\\n\\303" >&2; sleep 0.1; printf "\\251" >&2',
      {
        stdin: text,
        onLine: (line) => lines.push(line.text),
        onEvent: (event) => {
          if (event.type === 'output' && event.stream === 'stdout') events.push(event.text);
        },
      },
      { maxLogChars: 1_000_000 },
    );
    expect(result.stdout).toMatchObject({ text, droppedChars: 0, totalBytes: Buffer.byteLength(text) });
    expect(result.stderr.text).toBe('\né');
    expect(events.join('')).toBe(text);
    expect(lines.join('')).not.toContain('\ufffd');
  });

  it('is kept by its head and its tail, with the exact number of characters between', async () => {
    const all = Array.from({ length: 5000 }, (_, index) => `line ${String(index + 1)} é\n`).join('');
    const result = await run('i=1; while [ $i -le 5000 ]; do echo "line $i é"; i=$((i+1)); done', {
      maxLogChars: 2000,
    });
    const { text, droppedChars, totalBytes } = result.stdout;
    const kept = text ?? '';
    expect(totalBytes).toBe(Buffer.byteLength(all));
    expect(kept.length).toBeLessThanOrEqual(2000);
    const [head = '', tail = '', ...more] = kept.split(`\n… ${String(droppedChars)} characters left out …\n`);
    expect(more).toEqual([]);
    expect(head.length).toBeGreaterThan(400);
    expect(tail.length).toBeGreaterThan(1200);
    expect(all.startsWith(head) && all.endsWith(tail)).toBe(true);
    expect(head.length + droppedChars + tail.length).toBe(all.length);
    expect(result.message).toContain(`truncated: stdout=${String(droppedChars)}`);
  });

  it('is not kept where the operator does not want it, and still counted and handed on', async () => {
    const lines: string[] = [];
    const gathered: Uint8Array[] = [];
    const result = await run(
      'echo told; echo trouble >&2; exit 3',
      { onLine: ({ text }) => lines.push(text), stdout: sink(gathered) },
      { persistLogTail: false },
    );
    expect(result).toMatchObject({
      stdout: { text: null, totalBytes: 5, droppedChars: 0 },
      stderr: { text: null, totalBytes: 8 },
    });
    expect(lines.sort()).toEqual(['told', 'trouble']);
    expect(Buffer.concat(gathered).toString()).toBe('told\n');
  });
});

describe('readers and listeners', () => {
  it('a reader that is slow misses output, is told how much, and does not slow the job', async () => {
    const runtime = await testRuntime();
    const handle = runtime.startJob({
      docker: { image, command: ['sh', '-c', 'dd if=/dev/zero bs=1M count=8 2>/dev/null; echo end'] },
    });
    const seen: RunEvent[] = [];
    let told = false;
    for await (const event of handle.events) {
      seen.push(event);
      // Stops reading at the first output until the job is long over.
      if (event.type === 'output' && !told) {
        told = true;
        expect(await handle.result).toMatchObject({ status: 'succeeded' });
      }
    }
    const text = seen.reduce((sum, event) => sum + (event.type === 'output' ? event.text.length : 0), 0);
    const dropped = seen.reduce((sum, event) => sum + (event.type === 'output_dropped' ? event.bytes : 0), 0);
    expect(text + dropped).toBe(8 * 1024 ** 2 + 4);
    expect(dropped).toBeGreaterThan(0);
    expect(seen.at(-1)).toMatchObject({ type: 'run_end', outcome: 'result' });
  });

  it('many readers replay the same story, early, late and broken off', async () => {
    const runtime = await testRuntime();
    const handle = runtime.startJob({
      docker: { image, command: ['sh', '-c', 'echo one; echo two >&2; exit 4'] },
    });
    const read = async (upTo = Infinity): Promise<readonly RunEvent[]> => {
      const events: RunEvent[] = [];
      for await (const event of handle.events) {
        events.push(event);
        if (events.length >= upTo) break;
      }
      return events;
    };
    const early = [read(), read(), read(3)];
    const [first, second, short] = await Promise.all(early);
    const late = await read();
    expect(first?.[0]).toMatchObject({ type: 'run_start' });
    expect(first?.at(-1)).toMatchObject({ type: 'run_end' });
    expect(second).toEqual(first);
    expect(late).toEqual(first);
    expect(short).toEqual(first?.slice(0, 3));
    expect(await handle.result).toMatchObject({ exitCode: 4 });
  });

  it('listeners that throw are left to themselves', async () => {
    let heard = 0;
    const fail = (): never => {
      heard += 1;
      throw new Error('no');
    };
    const runtime = await testRuntime({}, { onEvent: fail });
    const result = await runtime.runJob(
      { docker: { image, command: ['sh', '-c', 'echo a; echo b'] } },
      { onEvent: fail, onLine: fail },
    );
    expect(result).toMatchObject({ status: 'succeeded', warnings: [], stdout: { text: 'a\nb\n' } });
    expect(heard).toBeGreaterThan(20);
  });
});

describe('sinks', () => {
  const fill = 'dd if=/dev/zero bs=64k count=64 2>/dev/null';

  it.each([
    ['at once', 0],
    ['after a while', 3],
  ])('one that fails %s is one warning and gets no more', async (_name, pieces) => {
    const gathered: Uint8Array[] = [];
    const failing = sink(gathered, (count) => {
      if (count >= pieces) throw new Error('the disk is full');
    });
    const result = await run(`${fill}; echo end >&2`, { stdout: failing });
    expect(result).toMatchObject({
      status: 'succeeded',
      logsComplete: true,
      stdout: { totalBytes: 4 * 1024 ** 2 },
      stderr: { text: 'end\n' },
    });
    expect(result.warnings).toEqual(['the sink for stdout failed and gets no more output']);
    expect(gathered).toHaveLength(pieces);
  });

  it('a web stream that fails is no different, and one that was closed neither', async () => {
    const web = new WritableStream<Uint8Array>({
      write: () => {
        throw new Error('no');
      },
    });
    const closed = sink([]);
    closed.destroy();
    const result = await run('echo a; echo b >&2', { stdout: web, stderr: closed });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'a\n' }, stderr: { text: 'b\n' } });
    expect([...result.warnings].sort()).toEqual([
      'the sink for stderr failed and gets no more output',
      'the sink for stdout failed and gets no more output',
    ]);
  });

  it('one that is slow gets everything', async () => {
    const gathered: Uint8Array[] = [];
    const result = await run(`${fill}; echo end`, { stdout: sink(gathered, async () => pause(5)) });
    expect(result).toMatchObject({ status: 'succeeded', logsComplete: true });
    const all = 4 * 1024 ** 2 + 4;
    // What a stream took and holds back is for its owner to wait for.
    await expect.poll(() => Buffer.concat(gathered).length, { timeout: 60_000 }).toBe(all);
    const bytes = Buffer.concat(gathered);
    expect(bytes.subarray(-4).toString()).toBe('end\n');
  });

  it('one that never takes anything holds the job up until its deadline and no longer', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => undefined });
    // More than is held on any way to here: a connection may hold tens of mebibytes.
    const more = 'dd if=/dev/zero bs=1M count=512 2>/dev/null';
    const result = await run(more, { stdout: stuck, timeoutMs: 2000 });
    expect(result).toMatchObject({ status: 'timed_out', exitCode: expect.any(Number) as number });
    expect(result.warnings).toEqual(['the sink for stdout failed and gets no more output']);
    stuck.destroy();
  });

  it('one that never takes anything does not hold up the end of a job that wrote little', async () => {
    const stuck = new WritableStream<Uint8Array>({ write: async () => new Promise(() => undefined) });
    // Ends like the start of the secret, so that something is left to be written at the end.
    const result = await run('printf "abc\\nhunt"', { stdout: stuck, secrets: { key: 'hunter2-hunter2' } });
    expect(result).toMatchObject({ status: 'succeeded', stdout: { text: 'abc\nhunt' } });
    expect(result.warnings).toEqual(['the sink for stdout failed and gets no more output']);
  });

  it("are not ended: they are their owner's", async () => {
    const shared = sink([]);
    await run('echo a', { stdout: shared, stderr: shared });
    expect(shared.writableEnded || shared.destroyed).toBe(false);
    expect(shared.listenerCount('drain') + shared.listenerCount('close')).toBe(0);
  });
});
