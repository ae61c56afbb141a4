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

export default defineConfig([
  // The command line shares its chunks with the library; nobody imports it, so it needs neither types nor CommonJS.
  { ...common, name: 'esm', format: ['esm'], entry: { ...entry, cli: 'src/cli/main.ts' } },
  { ...common, name: 'cjs', format: ['cjs'] },
]);
