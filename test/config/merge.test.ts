import { describe, expect, it } from 'vitest';
import { configFromEnv } from '../../src/config/environment.js';
import { DEFAULT_CONFIG } from '../../src/config/defaults.js';
import { mergeLayers, valueAt } from '../../src/config/merge.js';
import { parseConfig } from '../../src/config/parse.js';
import type { RuntimeConfigInput } from '../../src/config/runtime-config.js';
import { ConfigError, type Issue, issuesOf } from '../../src/errors.js';

/** What a caller without types could pass. */
const untyped = (input: unknown): RuntimeConfigInput => input as RuntimeConfigInput;

function issuesFrom(read: () => unknown): readonly Issue[] {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return issuesOf(error);
  }
  return [];
}

const cycle = (): unknown => {
  const layer: Record<string, unknown> = {};
  layer['policy'] = layer;
  return layer;
};

describe('mergeLayers', () => {
  it('comes to an end for layers that hold themselves', () => {
    expect(Object.keys(mergeLayers(cycle(), cycle()) as object)).toEqual(['policy']);
    const same = cycle();
    expect(issuesFrom(() => parseConfig(untyped(same), untyped(same))).length).toBeGreaterThan(0);
  });

  it('changes none of its layers', () => {
    const lower = { a: { b: 1 }, list: [1] };
    const upper = { a: { c: 2 }, list: [2] };
    expect(mergeLayers(lower, upper)).toEqual({ a: { b: 1, c: 2 }, list: [2] });
    expect([lower, upper]).toEqual([
      { a: { b: 1 }, list: [1] },
      { a: { c: 2 }, list: [2] },
    ]);
  });

  it('takes a class instance as a whole, whatever lies beneath', () => {
    const at = new Date(0);
    expect(mergeLayers({ a: { b: 1 } }, { a: at })).toEqual({ a: at });
  });
});

describe('valueAt', () => {
  it.each(['constructor', '__proto__', 'toString'])('sees nothing inherited at %s', (key) => {
    expect(valueAt({}, [key])).toBeUndefined();
    expect(valueAt({ a: 1 }, ['a', key])).toBeUndefined();
  });
});

describe('DOCKER_MAX_WORKSPACE_BYTES', () => {
  it.each(['0k', '0GB', '0 MiB', '0.0k'])('does not take %j for no limit at all', (given) => {
    expect(issuesFrom(() => configFromEnv({ CATALOG_DOCKER_MAX_WORKSPACE_BYTES: given }))).toMatchObject([
      {
        path: 'CATALOG_DOCKER_MAX_WORKSPACE_BYTES',
        message: `must be at least 1 byte, or 0 or "unlimited"; got ${JSON.stringify(given)}`,
      },
    ]);
  });

  it.each(['00', '010', '1e3', '0x10', '+5', '1_000', '１０', '9007199254740993', '99999t', '10M', '10KB'])(
    'does not guess what %j means',
    (given) => {
      const issues = issuesFrom(() => configFromEnv({ CATALOG_DOCKER_MAX_WORKSPACE_BYTES: given }));
      expect(issues).toMatchObject([{ path: 'CATALOG_DOCKER_MAX_WORKSPACE_BYTES' }]);
      expect(issues[0]?.message).toMatch(/^must be .*KiB.*unlimited/);
    },
  );
});

describe('messages of parseConfig', () => {
  const places = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? [path]
      : [path, ...Object.entries(value).flatMap(([key, child]) => places(child, [...path, key]))];
  const nested = (path: readonly string[], value: unknown): unknown =>
    path.reduceRight((inner, key) => Object.fromEntries([[key, inner]]), value);

  it.each(places(DEFAULT_CONFIG).filter((path) => path.length > 0))(
    'name what is allowed at %s %s %s %s',
    (...path) => {
      const message = /^(must|Unsupported|is no known key)/;
      for (const bad of [() => 1, Number.NaN, { zzz: 'x' }, [null], -1.5]) {
        const issues = issuesFrom(() => parseConfig(untyped(nested(path, bad))));
        expect(issues.length).toBeGreaterThan(0);
        for (const issue of issues) {
          expect(issue.path.startsWith(path.join('.'))).toBe(true);
          expect(issue.message).toMatch(message);
        }
      }
    },
  );
});
