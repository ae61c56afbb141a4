/** The example alerts ask only for what `metrics()` gives, each can fire, and the guide for operators explains each of them. */
import { readFileSync } from 'node:fs';
import { createRuntime } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readOpenMetrics } from '../openmetrics-reader.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document = parse(read('examples/prometheus/berthkit.rules.yml')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = document.groups.flatMap((group) => group.rules);

/** A name with its matchers, as PromQL has them: `name{label="value",other=~"a|b"}`. */
const SELECTOR = /\b(berthkit_[a-z_]+)(?:\{([^}]*)\})?/g;
const MATCHER = /([a-z_]+)(=~?)"([^"]*)"/g;

/** The values of each label of each sample name that a runtime gives before anything has happened. */
const given = new Map<string, Map<string, Set<string>>>();

beforeAll(async () => {
  const runtime = createRuntime({}, { engine: fakeEngine() });
  for (const { samples } of readOpenMetrics(await runtime.metrics()).values()) {
    for (const { name, labels } of samples) {
      const known = given.get(name) ?? new Map<string, Set<string>>();
      given.set(name, known);
      for (const [label, value] of Object.entries(labels))
        known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  await runtime.close();
});

describe('the example alerts', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for what is given', (_alert, rule) => {
    const selectors = [...rule.expr.matchAll(SELECTOR)];
    expect(selectors).not.toEqual([]);
    for (const [, name = '', matchers = ''] of selectors) {
      const labels = given.get(name);
      expect(labels, name).toBeDefined();
      for (const [, label = '', operator, wanted = ''] of matchers.matchAll(MATCHER)) {
        for (const value of operator === '=~' ? wanted.split('|') : [wanted])
          expect(labels?.get(label), `${name}{${label}="${value}"}`).toContain(value);
      }
    }
    for (const [, label = ''] of rule.annotations.summary.matchAll(/\$labels\.([a-z_]+)/g))
      expect(given.get(selectors[0]?.[1] ?? '')?.has(label), label).toBe(true);
  });

  it('know how urgent they are', () => {
    expect(new Set(rules.map(({ labels }) => labels.severity))).toEqual(new Set(['page', 'ticket']));
  });

  it('are the ones the guide for operators explains, in its order', () => {
    const explained = [...read('docs/operating.md').matchAll(/^\| `(Berthkit[A-Za-z]+)` +\|/gm)];
    expect(explained.map(([, alert]) => alert)).toEqual(rules.map(({ alert }) => alert));
  });
});

it.each(['logging', 'tracing'])('the guide for operators shows examples/%s.ts as it is run', (name) => {
  expect(read('docs/operating.md')).toContain(`\`\`\`ts\n${read(`examples/${name}.ts`)}\`\`\`\n`);
});
