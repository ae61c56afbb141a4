import { defineConfig } from 'vitest/config';

const entry = (path: string): string => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^berthkit$/, replacement: entry('src/index.ts') },
      { find: /^berthkit\/policy$/, replacement: entry('src/policy/entry.ts') },
      { find: /^berthkit\/engine$/, replacement: entry('src/engine/entry.ts') },
      { find: /^berthkit\/storage$/, replacement: entry('src/storage/entry.ts') },
      { find: /^berthkit\/testing$/, replacement: entry('src/testing/index.ts') },
    ],
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/reporter.ts'],
    testTimeout: 180_000,
    hookTimeout: 240_000,
  },
});
