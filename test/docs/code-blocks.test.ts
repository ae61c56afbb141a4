/** Every TypeScript block of the documentation compiles against the public entry points. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const blocks = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map((match, index) => ({
    // Beside the sources, so that module resolution and compiler options are those of the project.
    file: join(root, 'examples', `.${page.replace(/\W/g, '-')}-${String(index)}.mts`),
    name: `${page}, block ${String(index + 1)}`,
    code: match[1] ?? '',
  })),
);

it('has blocks to check', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(4);
});

it.each(pages.filter((page) => page.startsWith('docs/guide/') && !page.endsWith('README.md')))(
  '%s shows code, and the guide lists it',
  (page) => {
    const name = page.slice('docs/guide/'.length);
    expect(blocks.filter((block) => block.name.startsWith(`${page},`))).not.toEqual([]);
    expect(readFileSync(join(root, 'docs/guide/README.md'), 'utf8')).toContain(`](${name})`);
  },
);

it('links of the documentation lead somewhere', () => {
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

it('all of them compile', { timeout: 120_000 }, () => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const sources = new Map(blocks.map(({ file, code }) => [file, code]));
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => sources.get(path) ?? readFile.call(host, path);
  host.fileExists = (path) => sources.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, version) => {
    const code = sources.get(path);
    return code === undefined
      ? getSourceFile.call(host, path, version)
      : ts.createSourceFile(path, code, version);
  };
  const program = ts.createProgram({
    rootNames: [...sources.keys()],
    options: { ...options, noUnusedLocals: false },
    host,
  });
  const problems = blocks.flatMap(({ file, name }) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSemanticDiagnostics(source), ...program.getSyntacticDiagnostics(source)];
    return found.map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
  });
  expect(problems).toEqual([]);
});
