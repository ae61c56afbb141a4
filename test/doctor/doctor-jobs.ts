/** What the containers of an examination write on an engine that enforces everything, for tests on the fake engine. */
import type { FakeExit, FakeJob } from 'berthkit/testing';

/** By the word of each container: its output and its end. */
export type ProbeAnswers = Readonly<Record<string, readonly [output: string, exit: FakeExit]>>;

const BOUNDS = [
  'no_new_privileges 1',
  'capabilities 0000000000000000',
  'root refused',
  'root_options ro,relatime',
  'routes 0',
  'routes6 0',
  'root_free_kib 1048576',
  'ulimits 1',
  'shm_size 32',
  'tmpfs_size 31',
  'done all',
] as const;

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** The output of the first container, with some of its lines in other words. */
export function boundsWith(changes: Readonly<Record<string, string>>): string {
  return text(
    BOUNDS.map((line) => {
      const [key = ''] = line.split(' ');
      const changed = changes[key];
      return changed === undefined ? line : `${key} ${changed}`;
    }),
  );
}

export const ENFORCED: ProbeAnswers = {
  bounds: [text(BOUNDS), { exitCode: 0 }],
  memory: ['limit 25165824\nbegan now\n', { exitCode: 137, oomKilled: true }],
  pids: ['forked 1\nforked 9\n', { exitCode: 2 }],
  cpu: ['throttled 3\n', { exitCode: 0 }],
};

/** The scripted job: answers as a container of an examination, and does nothing as any other. */
export function answering(answers: ProbeAnswers = ENFORCED) {
  return async (job: FakeJob): Promise<FakeExit> => {
    const word = /^doctor-(.+)$/.exec(job.spec.labels['berthkit.job'] ?? '')?.[1];
    if (word === undefined) return { exitCode: 0 };
    if (word === 'transport') {
      const marker = Buffer.from(await job.readFile('/berthkit-probe/marker')).toString();
      await job.stdout(`marker ${marker}`);
      return { exitCode: 0 };
    }
    const [output, exit] = answers[word] ?? ['', { exitCode: 70 }];
    await job.stdout(output);
    return exit;
  };
}
