/**
 * What mutants are tried with: the tests of what may be mutated and of whole runs on the fake engine, without a real one and without processes of
 * their own.
 */
import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

export default defineConfig({
  ...(base.resolve === undefined ? {} : { resolve: base.resolve }),
  test: {
    environment: 'node',
    setupFiles: ['test/hooks.ts'],
    include: [
      'test/policy/**/*.test.ts',
      'test/execute/**/*.test.ts',
      'test/workspace/**/*.test.ts',
      'test/catalogue/**/*.test.ts',
      'test/recovery/**/*.test.ts',
      'test/secrets/**/*.test.ts',
      'test/*.test.ts',
    ],
    exclude: ['test/types.test.ts'],
    testTimeout: 180_000,
    maxWorkers: 1,
    // Late is not wrong, but what a mutant keeps from ever coming should not be waited for as long as on a busy machine.
    expect: { poll: { timeout: 20_000 } },
  },
});
