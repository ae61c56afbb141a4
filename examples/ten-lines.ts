/** The shortest useful program: a file in, a command, a file out. */
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
console.log(result.message);
