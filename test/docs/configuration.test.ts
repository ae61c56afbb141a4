/** The table of the configuration page is made from the defaults; `UPDATE_DOCS=1` writes it anew. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../src/config/defaults.js';
import { ENVIRONMENT_VARIABLES } from '../../src/config/environment-variables.js';
import { valueAt } from '../../src/config/merge.js';

const PAGE = new URL('../../docs/configuration.md', import.meta.url);
const MARKERS = /<!-- table: begin -->[\s\S]*<!-- table: end -->/;

/** Keys no variable sets still belong into the table. */
const OTHERS: readonly string[] = [
  'policy.limits.default.ulimits',
  'policy.limits.max.ulimits',
  'policy.modes',
  'policy.profiles',
];

const table = (): string => {
  const rows = [
    ...ENVIRONMENT_VARIABLES.map(({ name, path }) => ({
      key: path.join('.'),
      variable: `\`CATALOG_${name}\``,
    })),
    ...OTHERS.map((key) => ({ key, variable: '–' })),
  ].map(({ key, variable }) => {
    const value = JSON.stringify(valueAt(DEFAULT_CONFIG, key.split('.'))).replaceAll('|', '\\|');
    return `| \`${key}\` | \`${value}\` | ${variable} |`;
  });
  return ['| key | default | variable |', '| --- | --- | --- |', ...rows].join('\n');
};

it('lists every key, its default and its variable', async () => {
  const page = await readFile(PAGE, 'utf8');
  const expected = page.replace(
    MARKERS,
    () => `<!-- table: begin -->\n<!-- prettier-ignore -->\n${table()}\n<!-- table: end -->`,
  );
  if (process.env['UPDATE_DOCS'] !== undefined) await writeFile(PAGE, expected);
  expect(await readFile(PAGE, 'utf8')).toBe(expected);
});
