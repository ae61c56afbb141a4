import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const entry = (path: string): string => new URL(path, import.meta.url).pathname;

/** It looks at everything that is on the engine, so nothing else may run there beside it. */
const LOOKING_AT_ALL = ['test/integration/recovery*.test.ts'];

/** It shortens the deadlines of its engine, which nothing else may keep from being in time. */
const IN_A_HURRY = ['test/integration/silent-engine.test.ts'];

const ALONE = [...LOOKING_AT_ALL, ...IN_A_HURRY];

/** One file after the other, and where there is but one engine after whatever has a lower number: `npm test` has an engine for each. */
const aloneAs = (groupOrder: number) => ({ maxWorkers: 1, sequence: { groupOrder } });

/** Needs an engine that has gVisor: `npm run test:runsc` provides one. */
const IN_GVISOR = 'test/integration/gvisor.test.ts';

/**
 * Words of tests that change or count what belongs to the whole process: its clock, environment, memory, descriptors. Such a file has a process of
 * its own; all others share one per worker, which saves them loading the same modules again.
 */
const OF_THE_PROCESS =
  /useFakeTimers|process\.(?:env|memoryUsage|umask|chdir|seteuid|listenerCount)|\/proc\/self|expose-gc|from '\.\.\/\.\.\/endurance/;

const isolated = readdirSync(entry('test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .filter((path) => OF_THE_PROCESS.test(readFileSync(entry(`test/${path}`), 'utf8')))
  .map((path) => `test/${path}`);

/** Needs Podman: `npm run test:podman` provides one. */
const ON_PODMAN = 'test/integration/podman.test.ts';

/** On a system other than Linux, as far as that can be told from here: its name decides how files are found again. */
const ELSEWHERE = {
  find: /^\..*\/this-process\.js$/,
  replacement: entry('test/elsewhere/this-process.ts'),
};

export default defineConfig({
  resolve: {
    alias: [
      { find: /^berthkit$/, replacement: entry('src/index.ts') },
      { find: /^berthkit\/policy$/, replacement: entry('src/policy/entry.ts') },
      { find: /^berthkit\/engine$/, replacement: entry('src/engine/entry.ts') },
      { find: /^berthkit\/storage$/, replacement: entry('src/storage/entry.ts') },
      { find: /^berthkit\/opentelemetry$/, replacement: entry('src/telemetry/entry.ts') },
      { find: /^berthkit\/testing$/, replacement: entry('src/testing/index.ts') },
    ],
  },
  test: {
    environment: 'node',
    reporters: ['default', './test/reporter.ts'],
    setupFiles: ['test/hooks.ts'],
    testTimeout: 180_000,
    hookTimeout: 240_000,
    // A busy machine is late, not wrong.
    expect: { poll: { timeout: 60_000 } },
    // Tests wait for the engine more than they compute.
    maxWorkers: 4,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/elsewhere/**', ...isolated],
        },
      },
      {
        extends: true,
        test: { name: 'unit-isolated', include: isolated, exclude: ['test/integration/**'] },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          isolate: false,
          include: ['test/integration/*.test.ts'],
          exclude: [...ALONE, IN_GVISOR, ON_PODMAN, ...isolated],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration-isolated',
          include: isolated.filter((path) => path.startsWith('test/integration/')),
          exclude: [...ALONE, IN_GVISOR, ON_PODMAN],
        },
      },
      {
        extends: true,
        resolve: { alias: [ELSEWHERE] },
        test: {
          name: 'unit-elsewhere',
          include: [
            'test/elsewhere/*.test.ts',
            'test/host/{file-content,spool,shared-folders}.test.ts',
            'test/storage/**/*.test.ts',
            'test/run-{failures,volumes,straight-inputs,attempts}.test.ts',
            'test/workspace/{bring-output,collect-trees,put-files,publish-outputs,stage,straight-file,unpack-tar}*.test.ts',
          ],
        },
      },
      {
        extends: true,
        resolve: { alias: [ELSEWHERE] },
        test: {
          name: 'integration-elsewhere',
          include: ['test/integration/{run,streams-in,straight-inputs,volume-files}.test.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'runsc', include: [IN_GVISOR] },
      },
      {
        extends: true,
        test: { name: 'podman', include: [ON_PODMAN] },
      },
      {
        extends: true,
        test: { name: 'alone-looking', include: LOOKING_AT_ALL, ...aloneAs(1) },
      },
      {
        extends: true,
        test: { name: 'alone-in-a-hurry', include: IN_A_HURRY, ...aloneAs(2) },
      },
    ],
  },
});
