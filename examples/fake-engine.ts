/** Testing what an application does with a job, without Docker. */
import { strict as assert } from 'node:assert';
import { createRuntime, memoryStorage } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';

const engine = fakeEngine({
  run: async (job) => {
    await job.writeFile('/workspace/out.txt', '3');
    return { exitCode: 0 };
  },
});
const runtime = createRuntime({}, { engine });
const results = memoryStorage();
const result = await runtime.runJob(
  { docker: { image: 'busybox:1', outputs: [{ workspacePath: 'out.txt', upload: 'caller' }] } },
  { outputTo: results },
);
assert.equal(result.status, 'succeeded');
assert.deepEqual(Object.keys(results.files()), ['out.txt']);
await runtime.close();
console.log('the job was tested without Docker');
