import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ConfigFileFacts, renderConfigFile } from '../../src/job/config-file.js';

const FACTS = {
  job: { id: 'def-1', slug: 'report', version: '2' },
  runId: 'run-1',
  attempt: 1,
  parameters: { limit: 3, name: 'é' },
} as const;
const DOCUMENT = {
  job: { id: 'def-1', slug: 'report', runId: 'run-1', attempt: 1, version: '2' },
  parameters: { limit: 3, name: 'é' },
};

const render = async (facts: Partial<ConfigFileFacts>): Promise<string> =>
  new TextDecoder().decode(await renderConfigFile({ ...FACTS, format: 'json', ...facts }));

describe('renderConfigFile', () => {
  it('writes json with two spaces', async () => {
    expect(await render({})).toBe(`${JSON.stringify(DOCUMENT, null, 2)}\n`);
  });

  it('writes binary as compact json', async () => {
    expect(await render({ format: 'binary' })).toBe(JSON.stringify(DOCUMENT));
  });

  it('writes yaml that reads back the same', async () => {
    expect(parse(await render({ format: 'yaml' }))).toEqual(DOCUMENT);
  });

  it('quotes in yaml what readers of YAML 1.1 would take for something else', async () => {
    const parameters = { words: ['no', 'y', 'Off', '1:20', '1_000', '0o7', '012', '2001-01-01', '~', ''] };
    const text = await render({ format: 'yaml', parameters });
    for (const version of ['1.1', '1.2'] as const) {
      expect(parse(text, { version })).toMatchObject({ parameters });
    }
  });

  it('repeats equal objects in yaml instead of pointing at them', async () => {
    const shared = { a: 1 };
    expect(await render({ format: 'yaml', parameters: { x: shared, y: shared } })).not.toMatch(/[&*]/);
  });

  it.each([
    ['as it is', 'as it is'],
    [{ a: [1] }, '{"a":[1]}'],
  ])('writes the parameters %j alone as text', async (parameters, expected) => {
    expect(await render({ format: 'text', parameters })).toBe(expected);
  });

  it('keeps a version that is a number a number, in each format', async () => {
    const job = { ...FACTS.job, version: 3 };
    for (const format of ['json', 'binary', 'yaml'] as const)
      expect(parse(await render({ job, format }))).toEqual({
        ...DOCUMENT,
        job: { ...DOCUMENT.job, version: 3 },
      });
  });

  it('says null for what a job does not have', async () => {
    const job = { id: null, slug: null, version: null };
    expect(JSON.parse(await render({ job, parameters: {} }))).toEqual({
      job: { ...job, runId: 'run-1', attempt: 1 },
      parameters: {},
    });
  });
});
