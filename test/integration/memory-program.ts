/** A process that runs jobs with much output and prints by how much its resident memory grew. Started by a test; no test itself. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createRuntime, type RunHandle } from '../../src/index.js';
import { testWorkspace } from './test-workspace.js';

const MEBIBYTE = 1024 ** 2;
const [image = '', mebibytes = '0'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'berthkit-test-'));
const runtime = createRuntime({ workspaceRoot: join(folder, 'root'), workspace: testWorkspace });

let received = 0;
const sink = (): Writable =>
  new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      received += chunk.length;
      done();
    },
  });

/** Reads the first output and then nothing more, as the slowest reader there is. */
async function stall(handle: RunHandle): Promise<void> {
  for await (const event of handle.events)
    if (event.type === 'output') return handle.result.then(() => undefined);
}

async function write(size: number): Promise<void> {
  const script = `yes "${'a line of the log, as long as some are; '.repeat(5)}" | head -c ${String(size)}`;
  const handle = runtime.startJob(
    { docker: { image, command: ['sh', '-c', script] } },
    { stdout: sink(), secrets: { token: 'hunter2-hunter2' }, onLine: () => undefined },
  );
  await stall(handle);
  const { status, stdout } = await handle.result;
  if (status !== 'succeeded' || stdout.totalBytes !== size) throw new Error(`the job ${status}`);
}

try {
  // Code is compiled and pools are filled before anything is measured.
  await write(32 * MEBIBYTE);
  global.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  received = 0;
  await write(Number(mebibytes) * MEBIBYTE);
  clearInterval(watch);
  peak = Math.max(peak, process.memoryUsage.rss());
  console.log(JSON.stringify({ received, growth: peak - before }));
} finally {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
}
