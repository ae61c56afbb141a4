/** Definition in, plan out: every case beside its golden answer. `UPDATE_GOLDEN=1` writes the answers anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { RuntimeConfigInput } from '../../src/config/runtime-config.js';
import { explainJob, type ExplainJobOptions } from '../../src/plan/explain.js';
import { verifyPlanHash } from '../../src/plan/plan-run.js';
import { PLACEHOLDER } from '../../src/plan/run-plan.js';
import { thawed } from '../thawed.js';

interface GoldenCase {
  readonly config?: RuntimeConfigInput;
  readonly options?: ExplainJobOptions;
  readonly definition: unknown;
}

const folder = (name: string): URL => new URL(`../golden/${name}/`, import.meta.url);
const names = readdirSync(folder('cases')).map((name) => name.replace(/\.json$/, ''));

function answerOf(name: string): unknown {
  const { config, options, definition } = JSON.parse(
    readFileSync(new URL(`${name}.json`, folder('cases')), 'utf8'),
  ) as GoldenCase;
  const { validation, decision, plan, dockerRun, pending } = explainJob(
    definition,
    parseConfig(config ?? {}),
    options,
  );
  if (plan !== null) {
    expect(verifyPlanHash(plan)).toBe(true);
    // Also without whatever is kept of parts that many plans have.
    expect(verifyPlanHash(structuredClone(plan))).toBe(true);
    expect(thawed(plan)).toEqual([]);
  }
  return {
    issues: validation.ok ? [] : validation.issues,
    warnings: validation.warnings,
    violations: decision?.violations ?? null,
    dockerRun,
    pending,
    plan,
  };
}

describe('golden plans', () => {
  it('are at least forty, and none is left over', () => {
    expect(names.length).toBeGreaterThanOrEqual(40);
    if (process.env['UPDATE_GOLDEN'] === undefined) {
      expect(readdirSync(folder('plans')).sort()).toEqual(names.map((name) => `${name}.json`).sort());
    }
  });

  it.each(names)('%s', (name) => {
    const file = new URL(`${name}.json`, folder('plans'));
    const text = `${JSON.stringify(answerOf(name), null, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text);
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('hold no placeholder but the known ones, where berthkit writes them', () => {
    const known = new Set<string>(Object.values(PLACEHOLDER));
    for (const name of names) {
      const { plan } = answerOf(name) as {
        readonly plan: { readonly container: { readonly labels: object; readonly mounts: object } } | null;
      };
      const text = JSON.stringify([plan?.container.labels, plan?.container.mounts]);
      for (const [placeholder] of text.matchAll(/<[^>]*>/g)) expect(known).toContain(placeholder);
    }
  });
});
