import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { createSecretScanner, type SecretScan } from '../../src/base/secret-scan.js';
import { createOutputCollector, type OutputOptions } from '../../src/execute/output.js';
import { toOutputSink } from '../../src/execute/sink.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const { start: startScan } = createSecretScanner([{ name: 'token', value: 's3cr3t-value' }]);
const collectorWith = (
  fields: Partial<OutputOptions>,
): {
  collector: ReturnType<typeof createOutputCollector>;
  texts: string[];
  lines: string[];
  failed: string[];
  limits: number[];
} => {
  const texts: string[] = [];
  const lines: string[] = [];
  const failed: string[] = [];
  const limits: number[] = [];
  const collector = createOutputCollector({
    redactor: createRedactor(['s3cr3t-value']),
    scan: { stdout: startScan(() => undefined), stderr: startScan(() => undefined) },
    maxLogChars: 4096,
    persistLogTail: true,
    maxBytes: null,
    onLimit: () => limits.push(1),
    onText: (stream, text) => texts.push(`${stream}:${text}`),
    onLine: ({ stream, text }) => lines.push(`${stream}:${text}`),
    sinks: { stdout: null, stderr: null },
    onSinkFailure: (stream) => failed.push(stream),
    ...fields,
  });
  return { collector, texts, lines, failed, limits };
};

describe('createOutputCollector', () => {
  it('tells of each stream which secrets it masked, however they are cut', async () => {
    const found: string[] = [];
    const scanOf = (stream: string): SecretScan => startScan((name) => found.push(`${stream}:${name}`));
    const { collector } = collectorWith({ scan: { stdout: scanOf('stdout'), stderr: scanOf('stderr') } });
    await collector.push({ stream: 'stdout', bytes: bytes('nothing yet s3cr3t-va') });
    await collector.push({ stream: 'stderr', bytes: bytes('s3cr3t-valu') });
    expect(found).toEqual([]);
    await collector.push({ stream: 'stdout', bytes: bytes('lue, and s3cr3t-value again') });
    await collector.end();
    expect(found).toEqual(['stdout:token']);
  });

  it('redacts across chunk borders everywhere it hands out text', async () => {
    const written: Buffer[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written.push(chunk);
        done();
      },
    });
    const { collector, texts, lines } = collectorWith({
      sinks: { stdout: toOutputSink(sink), stderr: null },
    });
    for (const piece of ['token=s3cr3', 't-val', 'ue!\nnext'])
      await collector.push({ stream: 'stdout', bytes: bytes(piece) });
    await collector.end();
    const everything = [
      texts.join(''),
      lines.join(''),
      Buffer.concat(written).toString(),
      JSON.stringify(collector.stream('stdout')),
      JSON.stringify(collector.lastLog()),
    ];
    for (const text of everything) expect(text).not.toContain('s3cr3t');
    expect(collector.stream('stdout').text).toBe('token=***!\nnext');
    expect(lines).toEqual(['stdout:token=***!', 'stdout:next']);
    expect(Buffer.concat(written).toString()).toBe('token=***!\nnext');
  });

  it('keeps characters whole that are cut by chunks, and counts bytes as written', async () => {
    const { collector } = collectorWith({});
    const smile = bytes('a😀b');
    await collector.push({ stream: 'stderr', bytes: smile.subarray(0, 3) });
    await collector.push({ stream: 'stderr', bytes: smile.subarray(3) });
    await collector.end();
    expect(collector.stream('stderr')).toEqual({ text: 'a😀b', totalBytes: 6, droppedChars: 0 });
    expect(collector.lastLog()).toEqual({ source: 'stderr', line: 'a😀b' });
  });

  it('cuts a last line that is long between two characters', async () => {
    const { collector } = collectorWith({});
    await collector.push({ stream: 'stdout', bytes: bytes(`a${'😀'.repeat(3000)}\n`) });
    expect(collector.lastLog()?.line).toBe(`a${'😀'.repeat(2047)}`);
  });

  it('lets go of a sink that fails and goes on', async () => {
    const sink = new Writable({
      write: (_chunk, _encoding, done) => {
        done(new Error('disk gone'));
      },
    });
    const { collector, failed } = collectorWith({ sinks: { stdout: null, stderr: toOutputSink(sink) } });
    for (const text of ['a\n', 'b\n', 'c\n']) {
      await collector.push({ stream: 'stderr', bytes: bytes(text) });
      await new Promise(setImmediate);
    }
    await collector.end();
    expect(failed).toEqual(['stderr']);
    expect(collector.stream('stderr').text).toBe('a\nb\nc\n');
  });

  it('says once that the limit is passed and keeps taking output', async () => {
    const { collector, limits } = collectorWith({ maxBytes: 3 });
    for (const text of ['ab', 'c', 'd', 'e']) await collector.push({ stream: 'stdout', bytes: bytes(text) });
    await collector.end();
    expect(limits).toHaveLength(1);
    expect(collector.stream('stdout').totalBytes).toBe(5);
  });

  it('withholds text where logs are not to be kept, but not the counts', async () => {
    const { collector } = collectorWith({ persistLogTail: false });
    await collector.push({ stream: 'stdout', bytes: bytes('hello\n') });
    await collector.end();
    expect(collector.stream('stdout')).toEqual({ text: null, totalBytes: 6, droppedChars: 0 });
    expect(collector.lastLog()).toEqual({ source: 'stdout', line: 'hello' });
  });

  it('writes to a web stream too', async () => {
    const written: Uint8Array[] = [];
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => void written.push(chunk) });
    const { collector } = collectorWith({ sinks: { stdout: toOutputSink(sink), stderr: null } });
    await collector.push({ stream: 'stdout', bytes: bytes('web') });
    await collector.end();
    expect(Buffer.concat(written).toString()).toBe('web');
    expect(sink.locked).toBe(false);
  });
});
