/** A job with real input, judged, run in a real container, and its report stored: first refused by policy, then allowed. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import {
  assertSucceeded,
  createRuntime,
  filesystemStorage,
  JobRuntimeError,
  type PolicyInput,
  staticSecrets,
} from 'berthkit';
import { ensureImage } from '../../scripts/image-kit/image-kit.js';
import { showProgress } from './progress.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const results = await mkdtemp(join(tmpdir(), 'berthkit-quickstart-'));
const definition: unknown = JSON.parse(await readFile(join(here, 'word-report.json'), 'utf8'));
const heading = (text: string): void => {
  console.log(`\n${styleText('bold', text)}`);
};

// The image is made from this machine's own busybox, so that no registry is needed.
await ensureImage('busybox');

const runtimeWith = (policy: PolicyInput): ReturnType<typeof createRuntime> =>
  createRuntime(
    { policy, workspaceRoot: join(results, 'workspaces') },
    {
      storage: { library: filesystemStorage(here), reports: filesystemStorage(join(results, 'reports')) },
      resolveSecret: staticSecrets({ 'reports/signing-key': 'quickstart-signing-key' }),
    },
  );

heading('1. A policy that does not know the image refuses the job');
{
  await using strict = runtimeWith({ images: { allow: ['registry.example.com/approved/*'] } });
  try {
    await strict.runJob(definition);
    throw new Error('the policy should have refused this job');
  } catch (error) {
    if (!JobRuntimeError.isInstance(error) || error.kind !== 'policy') throw error;
    console.log(`${styleText('red', error.code)}  ${error.message}`);
    console.log(`${styleText('yellow', 'hint')}           ${error.hint ?? ''}`);
  }
}

heading('2. A policy that allows it lets it run');
await using runtime = runtimeWith({
  images: { allow: ['busybox:*'] },
  secrets: { allow: ['store:reports/*'] },
  storage: { read: ['library'], write: ['reports:word-report'] },
});
const result = await runtime.runJob(definition, { parameters: { top: 8 }, onEvent: showProgress });

heading('3. What was decided, and why');
for (const { rule, outcome, reason } of result.decision.rules) {
  if (outcome !== 'not_applicable') console.log(`${rule.padEnd(20)} ${reason}`);
}

heading('4. What came of it');
assertSucceeded(result);
const stored = result.outputs[0]?.files[0]?.uploaded;
if (stored == null) throw new Error('the report was not stored');
const artifact = join(results, 'reports', stored.path);
console.log(
  `${result.status} in ${String(Math.round(result.durations.totalMs))} ms, exit code ${String(result.exitCode)}`,
);
console.log(`report: ${artifact}\n`);
console.log(await readFile(artifact, 'utf8'));
