import { assertSucceeded, createRuntime } from 'berthkit';

await using runtime = createRuntime({ policy: { images: { allow: ['busybox:*'] } } });
const result = await runtime.runJob(
  {
    slug: 'count',
    docker: {
      image: 'busybox:1',
      command: ['sh', '-c', 'wc -w < in.txt > out.txt'],
      workingDirectory: '/workspace',
      outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
    },
  },
  { files: { 'in.txt': 'one two three' }, outputTo: './results' },
);
assertSucceeded(result);
const code: 0 = result.exitCode;
console.log(`exit ${code}, ${result.outputs[0]?.files[0]?.path ?? 'nothing'} stored`);
