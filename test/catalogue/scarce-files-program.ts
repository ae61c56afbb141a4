/** A run in a process that may open no more files, and one after that is over. A program of its own, because it starves its whole process. */
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, JobRuntimeError, type RunResult } from '../../src/index.js';
import { fakeEngine } from '../../src/testing/index.js';

const folder = mkdtempSync(join(tmpdir(), 'berthkit-scarce-'));
const workspaceRoot = join(folder, 'root');
const engine = fakeEngine();
const runtime = createRuntime({ workspaceRoot }, { engine });
const run = async (): Promise<object> =>
  runtime.runJob({ docker: { image: 'busybox:1', command: ['true'] } }).then(
    ({ reason }: RunResult) => ({ reason }),
    (error: unknown) =>
      JobRuntimeError.isInstance(error)
        ? { code: error.code, retryable: error.retryable }
        : { error: String(error) },
  );

/** Takes every file there is to be had. */
function starve(): readonly number[] {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return taken;
  }
}

// What is loaded on first use is loaded: later a file for it could not be opened.
const before = await run();
const taken = starve();
const meanwhile = await run();
for (const file of taken) closeSync(file);
const after = await run();
await runtime.close();
const left = [...engine.leftovers(), ...readdirSync(workspaceRoot)];
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify({ before, meanwhile, after, left }));
