import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containerName } from '../../src/base/container-name.js';

const UUID = '0b5f1c1e-8a3c-4a55-9f5e-0123456789ab';

describe('containerName', () => {
  it.each([
    ['berthkit', 'Nightly Report', UUID, 2, `berthkit-nightly-report-${UUID}-2`],
    ['berthkit', 'report', 'run42', 1, 'berthkit-report-run42-1'],
    ['berthkit', '', 'r1', 1, 'berthkit-job-r1-1'],
    ['berthkit', '---', 'r1', 1, 'berthkit-job-r1-1'],
    ['../..', '日本', 'r1', 1, 'berthkit-job-r1-1'],
    ['_x_', '.a.', 'r1', 1, 'x-a-r1-1'],
    ['b', `${'a'.repeat(31)}-bcd`, 'r1', 1, `b-${'a'.repeat(31)}-r1-1`],
  ])('%j %j %j %d is %s', (prefix, slug, runId, attempt, expected) => {
    expect(containerName(prefix, slug, runId, attempt)).toBe(expected);
  });

  it('marks every run id it cannot keep', () => {
    for (const runId of [
      '',
      'AB',
      'a_b',
      'a-b',
      'a b',
      'x'.repeat(49),
      UUID.toUpperCase(),
      '0123456789ab',
      '\n',
      '/../',
    ]) {
      expect(containerName('p', 's', runId, 1)).toMatch(/^p-s-[a-z0-9._-]*-[0-9a-f]{16}-1$/);
    }
  });

  it('is always a name the engine takes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.integer({ min: 1, max: 1_000_000_000 }),
        (prefix, slug, runId, attempt) => {
          expect(containerName(prefix, slug, runId, attempt)).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/);
          expect(
            containerName('p'.repeat(99), 's'.repeat(99), `R${'r'.repeat(99)}`, attempt).length,
          ).toBeLessThanOrEqual(128);
        },
      ),
    );
  });

  it('gives different runs different names, whatever the slug', () => {
    const unit = fc.constantFrom('a', 'A', '-', '_', 'b', '1', 'é', UUID, '0123456789ab');
    const part = fc.string({ unit, maxLength: 6 });
    const attempt = fc.constantFrom(1, 2, 11);
    fc.assert(
      fc.property(
        part,
        part,
        attempt,
        part,
        part,
        attempt,
        (slug, runId, first, otherSlug, otherRunId, second) => {
          if (runId === otherRunId && first === second) return;
          expect(containerName('p', slug, runId, first)).not.toBe(
            containerName('p', otherSlug, otherRunId, second),
          );
        },
      ),
      { numRuns: 2000 },
    );
    expect(containerName('p', 'a-b', 'c', 1)).not.toBe(containerName('p', 'a', 'b-c', 1));
  });

  it.each([[0], [-1], [1.5], [Number.NaN], [1_000_000_001]])('refuses attempt %d', (attempt) => {
    expect(() => containerName('p', 's', 'r', attempt)).toThrow(RangeError);
  });
});
