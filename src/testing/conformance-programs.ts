/** The programs of `engineConformance`: each as a script for a real `sh`, and as a function for the fake engine that does the same. */
import type { FakeEngineScript, FakeExit, FakeJob } from './fake-script.js';

interface Program {
  readonly script: string;
  readonly fake: (job: FakeJob) => FakeExit | Promise<FakeExit>;
}

const DONE: FakeExit = { exitCode: 0 };

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

/** Says `ready` and goes on until a signal it handles tells it to exit. */
const untilSignal =
  (signal: string, answer: string, exitCode: number): Program['fake'] =>
  async (job) => {
    const told = new Promise<void>((resolve) => {
      job.onSignal(signal, resolve);
    });
    await job.stdout('ready\n');
    await told;
    await job.stdout(answer);
    return { exitCode };
  };

const writeOr = async (job: FakeJob, path: string): Promise<string> => {
  try {
    await job.writeFile(path, 'job\n');
    return 'written\n';
  } catch {
    return 'refused\n';
  }
};

const handleLoop = (signal: string, exitCode: number): string =>
  `trap "echo got ${signal}; exit ${exitCode}" ${signal}; echo ready; while :; do sleep 0.05; done`;

/** Lines of the `many` program, for each of its streams. */
export const MANY = { stdout: lines(1, 20_000), stderr: lines(20_001, 40_000) } as const;

/** What the `flood` program writes: more than any engine keeps while nobody reads. */
export const floodText = (): string => lines(1, 1_000_000);

/** Bytes that no text decoding leaves as they are. */
export const ODD_BYTES = Uint8Array.of(0xff, 0xfe, 0x80, 0x41, 0x00, 0x42, 0xc3, 0x28, 0x0d, 0x0a);

/** A file that every image with a shell has. */
export const A_FILE = '/bin/sh';

/** An entry point that is in no image. */
export const NO_SUCH_PROGRAM = '/berthkit/no-such-program';

/** Every program of the suite. */
export const PROGRAMS = {
  silent: { script: 'exit 0', fake: () => DONE },
  streams: {
    script: 'echo out; echo err >&2; exit 7',
    fake: async (job) => {
      await job.stdout('out\n');
      await job.stderr('err\n');
      return { exitCode: 7 };
    },
  },
  oddBytes: {
    script: String.raw`printf '\377\376\200\101\000\102\303\050\015\012'`,
    fake: async (job) => {
      await job.stdout(ODD_BYTES);
      return DONE;
    },
  },
  firstAndLast: {
    script: 'echo first; seq 1 200; printf last',
    fake: async (job) => {
      await job.stdout('first\n');
      await job.stdout(lines(1, 200));
      await job.stdout('last');
      return DONE;
    },
  },
  many: {
    script: 'seq 1 20000; seq 20001 40000 >&2',
    fake: async (job) => {
      for (const name of ['stdout', 'stderr'] as const) {
        for (let at = 0; at < MANY[name].length; at += 4096) await job[name](MANY[name].slice(at, at + 4096));
      }
      return DONE;
    },
  },
  flood: {
    script: 'seq 1 1000000',
    fake: async (job) => {
      const text = floodText();
      for (let at = 0; at < text.length; at += 32_768) await job.stdout(text.slice(at, at + 32_768));
      return DONE;
    },
  },
  sleeps: {
    script: 'echo ready; sleep 60',
    fake: async (job) => {
      await job.stdout('ready\n');
      return job.sleepUntilKilled();
    },
  },
  works: {
    // With something to do after the sleep: a shell may let its last command take its place, and the text with it.
    script: 'text=$(seq 1 1000000); echo ready; sleep 60; echo "$text"',
    fake: async (job) => {
      job.use({ memoryBytes: 8_000_000, cpuTimeMs: 100 });
      await job.stdout('ready\n');
      return job.sleepUntilKilled();
    },
  },
  fills: {
    script: 'seq 1 1000000 > /berthkit-filled; echo ready; sleep 60',
    fake: async (job) => {
      await job.writeFile('/berthkit-filled', floodText());
      await job.stdout('ready\n');
      return job.sleepUntilKilled();
    },
  },
  fillsVolume: {
    script: 'seq 1 1000000 > /in/filled; echo ready; sleep 60',
    fake: async (job) => {
      await job.writeFile('/in/filled', floodText());
      await job.stdout('ready\n');
      return job.sleepUntilKilled();
    },
  },
  handlesTerm: { script: handleLoop('TERM', 3), fake: untilSignal('SIGTERM', 'got TERM\n', 3) },
  handlesUsr1: { script: handleLoop('USR1', 4), fake: untilSignal('SIGUSR1', 'got USR1\n', 4) },
  cat: {
    script: 'cat; echo done',
    fake: async (job) => {
      for await (const bytes of job.stdin) await job.stdout(bytes);
      await job.stdout('done\n');
      return DONE;
    },
  },
  readsLine: {
    script: 'echo ready; read line; echo "$line"; exit 5',
    fake: async (job) => {
      await job.stdout('ready\n');
      let text = '';
      for await (const bytes of job.stdin) {
        text += Buffer.from(bytes).toString();
        if (text.includes('\n')) break;
      }
      await job.stdout(`${text.split('\n')[0] ?? ''}\n`);
      return { exitCode: 5 };
    },
  },
  environment: {
    script:
      `printf '[%s]' "\${V1-unset}" "\${V2-unset}" "\${V3-unset}" "\${V4-unset}"` +
      ` "\${V5-unset}" "\${V6-unset}" "\${V7-unset}"`,
    fake: async (job) => {
      for (const name of ['V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'V7']) {
        await job.stdout(`[${job.environment[name] ?? 'unset'}]`);
      }
      return DONE;
    },
  },
  workingDirectory: {
    script: 'pwd',
    fake: async (job) => {
      await job.stdout(`${job.spec.workingDirectory ?? '/'}\n`);
      return DONE;
    },
  },
  user: {
    script: 'id -u; id -g',
    fake: async (job) => {
      await job.stdout(`${job.spec.user.replace(':', '\n')}\n`);
      return DONE;
    },
  },
  rootFilesystem: {
    script: '(echo job > /berthkit-probe) 2>/dev/null && echo written || echo refused',
    fake: async (job) => {
      await job.stdout(await writeOr(job, '/berthkit-probe'));
      return DONE;
    },
  },
  mounts: {
    script:
      '(echo job > /in/file) 2>/dev/null && echo written || echo refused; cat /in/file; printf made > /in/sub/out',
    fake: async (job) => {
      await job.stdout(await writeOr(job, '/in/file'));
      await job.stdout(await job.readFile('/in/file'));
      await job.writeFile('/in/sub/out', 'made');
      return DONE;
    },
  },
  tmpfs: {
    script: 'echo job > /scratch/file && cat /scratch/file',
    fake: async (job) => {
      await job.writeFile('/scratch/file', 'job\n');
      await job.stdout(await job.readFile('/scratch/file'));
      return DONE;
    },
  },
  routes: {
    script: 'grep -v Iface /proc/net/route; echo end',
    fake: async (job) => {
      if (job.spec.networkMode !== 'none') await job.stdout('eth0\t00000000\n');
      await job.stdout('end\n');
      return DONE;
    },
  },
  privileges: {
    script: 'grep -E "^(CapEff|CapBnd|NoNewPrivs):" /proc/self/status',
    fake: async (job) => {
      const has = job.spec.capabilitiesDropped.includes('ALL') ? '0000000000000000' : '00000000a80425fb';
      const flag = job.spec.noNewPrivileges ? 1 : 0;
      await job.stdout(`CapEff:\t${has}\nCapBnd:\t${has}\nNoNewPrivs:\t${flag}\n`);
      return DONE;
    },
  },
  limits: {
    script:
      'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes; ' +
      'cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max',
    fake: async (job) => {
      const { memoryBytes, pidsLimit } = job.spec.resources;
      await job.stdout(`${memoryBytes}\n${pidsLimit}\n`);
      return DONE;
    },
  },
  firstProcess: {
    script: 'test $$ = 1 && echo first || echo child',
    fake: async (job) => {
      await job.stdout(job.spec.init ? 'child\n' : 'first\n');
      return DONE;
    },
  },
} as const satisfies Record<string, Program>;

/** Exit codes the suite tries. */
export const EXIT_CODES = [0, 1, 7, 126, 255] as const;

/** A script that ends with a code. */
export const exitWith = (code: number): string => `exit ${code}`;

const byScript = new Map<string, Program['fake']>([
  ...EXIT_CODES.map((exitCode): [string, Program['fake']] => [exitWith(exitCode), () => ({ exitCode })]),
  ...Object.values<Program>(PROGRAMS).map(({ script, fake }): [string, Program['fake']] => [script, fake]),
]);

/**
 * What makes a fake engine run the programs of {@link engineConformance}.
 *
 * @example
 * ```ts
 * const make = () =>
 *   Promise.resolve({ engine: fakeEngine({ ...conformancePrograms, images: { 'busybox:1': {} } }), image: 'busybox:1' });
 * for (const { name, run } of engineConformance(make)) it(name, run);
 * ```
 */
export const conformancePrograms: Required<Pick<FakeEngineScript, 'run' | 'startExitCode'>> = {
  async run(job) {
    const { entryPoint, command } = job.spec;
    const words = [...(entryPoint ?? []), ...(command ?? [])];
    if (words[0] === 'printf') {
      for (const word of words.slice(2)) await job.stdout(`[${word}]`);
      return DONE;
    }
    const program = words[0] === 'sh' && words[1] === '-c' ? byScript.get(words[2] ?? '') : undefined;
    if (program === undefined) throw new Error(`no program of the suite: ${words.join(' ')}`);
    return program(job);
  },
  startExitCode: ({ entryPoint, tmpfs }) => {
    if (entryPoint?.[0] === NO_SUCH_PROGRAM || tmpfs.some(({ target }) => target === A_FILE)) return 127;
    return entryPoint?.[0] === '/etc' ? 126 : null;
  },
};
