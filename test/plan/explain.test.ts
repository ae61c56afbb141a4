import { describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { EngineGap } from '../../src/engine/types.js';
import { explainJob } from '../../src/plan/explain.js';
import { verifyPlanHash } from '../../src/plan/plan-run.js';
import { DOCUMENT_JOB } from '../job/document-job.js';
import { thawed } from '../thawed.js';

const CONFIG = parseConfig({ timeouts: { max: { runMs: '2h' } }, retry: { max: { maxAttempts: 3 } } });

describe('explainJob', () => {
  it('gives a plan frozen all the way down, with and without parameters of the caller', () => {
    const parameters = { nested: { list: [{ deep: 1 }] } };
    const definition = { ...DOCUMENT_JOB, defaultParameters: { own: { of: ['the', 'job'] } } };
    for (const options of [{}, { parameters }]) {
      const explanation = explainJob(definition, CONFIG, options);
      expect(explanation.plan?.parameters).toEqual({ own: { of: ['the', 'job'] }, ...options.parameters });
      expect(thawed(explanation)).toEqual([]);
    }
    expect(thawed(parameters)).toHaveLength(4);
    expect(Object.isFrozen(definition.defaultParameters.own)).toBe(false);
  });

  it('writes a mount whose path holds a comma as the command line reads it', () => {
    const input = (workspacePath: string) => ({ source: { type: 'inline', content: 'x' }, workspacePath });
    const inputs = [input('2024,01.csv'), input('say "a, b"'), input('plain "c"')];
    const { dockerRun } = explainJob({ docker: { image: 'busybox:1', inputs } }, CONFIG);
    expect(dockerRun?.match(/--mount '[^']*,readonly'/g)).toEqual([
      `--mount 'type=bind,source=<workspace>/inputs/0,"target=/workspace/2024,01.csv",readonly'`,
      `--mount 'type=bind,source=<workspace>/inputs/1,"target=/workspace/say ""a, b""",readonly'`,
      `--mount 'type=bind,source=<workspace>/inputs/2,"target=/workspace/plain ""c""",readonly'`,
    ]);
  });

  it('keeps nothing of what the caller may change afterwards', () => {
    const parameters = { nested: { list: [1] } };
    const { plan } = explainJob(DOCUMENT_JOB, CONFIG, { parameters });
    if (plan === null) throw new Error('there is no plan');
    parameters.nested.list.push(2);
    expect(plan.parameters).toEqual({ nested: { list: [1] } });
    expect(verifyPlanHash(plan)).toBe(true);
  });

  it('asks the own rules once, where the options ask for nothing that policy looks at', () => {
    const evaluate = vi.fn(() => []);
    const rules = [{ id: 'acme.rule', evaluate }];
    expect(explainJob(DOCUMENT_JOB, CONFIG, { rules, parameters: { a: 1 } }).plan).not.toBeNull();
    expect(evaluate).toHaveBeenCalledTimes(1);
  });

  it.each([{ timeoutMs: 10_800_000 }, { timeouts: { runMs: 10_800_000 } }, { retry: { maxAttempts: 4 } }])(
    'validates the definition alone, and decides with the options: %j',
    (options) => {
      const { validation, decision, plan } = explainJob(DOCUMENT_JOB, CONFIG, options);
      expect(validation.ok).toBe(true);
      expect(decision?.allowed).toBe(false);
      expect(plan).toBeNull();
    },
  );

  it('says what volumes take the place of, and what they refuse, as far as the engine is known', () => {
    const source = { type: 'inline', content: '1' };
    const stored = { type: 'filestorePath', backendMountId: 'in', path: '/x' };
    const definition = {
      docker: {
        image: 'busybox:1',
        inputs: [
          { id: 'file', source, workspacePath: 'a', mountPath: '/srv/a' },
          { id: 'inside', source, workspacePath: 'b', mountPath: '/workspace/c' },
          { id: 'stored', source: stored, workspacePath: 'd', mountPath: '/srv/d' },
        ],
      },
    };
    const notes = (
      transport: 'bind' | 'volume' | 'auto',
      hasSubpaths?: boolean,
      gaps: readonly EngineGap[] = [],
    ): readonly string[] =>
      explainJob(definition, parseConfig({ workspace: { transport } }), {
        engine:
          hasSubpaths === undefined
            ? null
            : { runtimes: ['runc'], showsGpu: false, volumeSubpaths: hasSubpaths, gaps },
      }).pending.filter(
        (note) => note.includes('volumes of the engine') || note.includes('engine.unsupported'),
      );
    expect(notes('bind', false)).toEqual([]);
    expect(notes('volume', true)).toEqual([expect.stringMatching(/^volumes of the engine take/)]);
    expect(notes('volume', false).slice(1)).toEqual([
      'input "file" is refused by this engine (engine.unsupported): it is to be at /srv/a',
      'input "stored", if it is a file, is refused by this engine (engine.unsupported): it is to be at /srv/d',
    ]);
    const refused = /refused by this engine \(engine\.unsupported\): workspace\.transport: .*not copy/;
    expect(notes('bind', false, ['copies'])).toEqual([]);
    expect(notes('volume', false, ['copies'])).toEqual([
      expect.stringMatching(new RegExp(`^${refused.source}`)),
    ]);
    expect(notes('auto', true, ['copies'])).toEqual([
      expect.stringMatching(new RegExp(`^where the engine does not see workspaceRoot, ${refused.source}`)),
    ]);
    expect(notes('auto')).toEqual([
      expect.stringMatching(/^where the engine does not see workspaceRoot, volumes/),
      expect.stringMatching(/input "file" is refused unless the engine mounts parts/),
      expect.stringMatching(/input "stored", if it is a file, is refused unless/),
    ]);
  });
});
