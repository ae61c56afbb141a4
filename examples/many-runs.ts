/** Five hundred jobs, or as many as the command line says, a few at a time, with a progress display: a line that moves on a terminal, a line now and then elsewhere. */
import { strict as assert } from 'node:assert';
import { createRuntime, type JobDefinition } from 'berthkit';

const TOTAL = Number(process.argv[2] ?? 500);

/** A source may be endless: it is read one by one, as places become free. */
function* squares(): Generator<JobDefinition, void, undefined> {
  for (let number = 1; number <= TOTAL; number += 1) {
    yield {
      slug: `square-${String(number)}`,
      docker: {
        image: 'busybox:1',
        command: ['sh', '-c', 'echo $((N * N))'],
        environment: { N: String(number) },
      },
    };
  }
}

/** Shows how far a series is. */
function createProgress(total: number): { step(line: string): void; end(): void } {
  const { stdout } = process;
  const startedAt = performance.now();
  let done = 0;
  return {
    step(line) {
      done += 1;
      const perSecond = (done * 1000) / (performance.now() - startedAt);
      const text = `${String(done).padStart(4)}/${String(total)}  ${perSecond.toFixed(1)} jobs/s  ${line}`;
      if (stdout.isTTY) stdout.write(`\r\u001b[K${text.slice(0, stdout.columns - 1)}`);
      else if (done % 100 === 0 || done === total) console.log(text);
    },
    end() {
      if (stdout.isTTY) stdout.write('\n');
    },
  };
}

await using runtime = createRuntime({
  maxConcurrentRuns: 4,
  policy: {
    images: { allow: ['busybox:*'] },
    limits: { default: { memoryBytes: '16MiB', cpus: 0.5, pidsLimit: 16 } },
  },
});
const progress = createProgress(TOTAL);
const answers = new Map<number, string>();
// The series is bounded as a whole: whatever still runs then is cancelled and handed out as such.
for await (const outcome of runtime.runJobs(squares(), { signal: AbortSignal.timeout(30 * 60_000) })) {
  const { slug } = outcome.definition;
  if (!outcome.ok) throw outcome.error;
  const { status, reason, stdout } = outcome.result;
  assert.equal(status, 'succeeded', `${String(slug)}: ${reason}`);
  answers.set(outcome.index + 1, stdout.text?.trim() ?? '');
  progress.step(String(slug));
}
progress.end();
assert.equal(answers.size, TOTAL);
for (const [number, answer] of answers) assert.equal(answer, String(number * number));
console.log(`all ${String(TOTAL)} jobs ran, each with its own answer`);
