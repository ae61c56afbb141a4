import { defineConfig, type Options } from 'tsup';

const entry = {
  index: 'src/index.ts',
  policy: 'src/policy/entry.ts',
  engine: 'src/engine/entry.ts',
  storage: 'src/storage/entry.ts',
  opentelemetry: 'src/telemetry/entry.ts',
  testing: 'src/testing/index.ts',
};

const common: Options = {
  entry,
  target: 'node20',
  platform: 'node',
  splitting: true,
  sourcemap: true,
  treeshake: true,
  // tsup's declaration plugin sets baseUrl, which TypeScript 6 refuses without this (TS5101).
  dts: { entry, compilerOptions: { ignoreDeprecations: '6.0', paths: {} } },
};

/** What the command line imports of the library, as its users do: built with it, the library would be cut into more files for its sake. */
const onPublishedEntries: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'on-published-entries',
  setup(build) {
    build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path: './index.js', external: true }));
    build.onResolve({ filter: /^\.\.\/policy\/entry\.js$/ }, () => ({ path: './policy.js', external: true }));
  },
};

export default defineConfig([
  { ...common, name: 'library', format: ['esm', 'cjs'] },
  // Nobody imports the command line, so it needs neither types nor CommonJS.
  {
    ...common,
    name: 'cli',
    format: ['esm'],
    entry: { cli: 'src/cli/main.ts' },
    dts: false,
    esbuildPlugins: [onPublishedEntries],
  },
]);
