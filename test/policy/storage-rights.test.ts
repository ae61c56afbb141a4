/** What a right to a place in a storage covers: whole segments, of one storage or of any, however its slashes are written. */
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/config/parse.js';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import { evaluatePolicy } from '../../src/policy/evaluate.js';
import { mayReadStorage } from '../../src/policy/rules/access.js';
import { toPolicySubject } from '../../src/policy/subject.js';
import { requestWith } from './requests.js';

const mayRead = (rights: readonly string[], mountId: string, path: string): boolean =>
  mayReadStorage(parsePolicy({ storage: { read: rights } }), mountId, path);

describe('a right to read', () => {
  it.each([
    ['*', '5', '/any/where', true],
    ['5', '5', '/any/where', true],
    ['5', '6', '/any/where', false],
    ['*:reports', '5', '/reports/a', true],
    ['*:reports', '6', '/other/a', false],
    ['5:reports', '5', '/reports', true],
    ['5:reports', '5', 'reports/a/b', true],
    ['5:reports', '5', '//reports/a', true],
    ['5:reports', '5', '/reports-old/a', false],
    ['5:reports', '5', '/a/reports', false],
    ['5:reports', '5', '', false],
    ['5://reports//', '5', '/reports/a', true],
    ['5://reports//', '5', '/reports-old', false],
    ['5:team/reports', '5', '/team/reports/a', true],
    ['5:team/reports', '5', '/teamreports/a', false],
    ['5:/', '5', '/any/where', true],
    ['5:', '5', '', true],
  ])('%s covers %s %s: %s', (right, mountId, path, expected) => {
    expect(mayRead([right], mountId, path)).toBe(expected);
  });

  it('is enough if it is one of several, and none is not', () => {
    expect(mayRead(['6', '5:reports'], '5', '/reports/a')).toBe(true);
    expect(mayRead([], '5', '/reports/a')).toBe(false);
  });
});

describe('what a job reads and writes', () => {
  const upload = (pathTemplate: string): OutputRequest['upload'] => ({
    ...{ backendMountId: '5', pathTemplate, contentType: null, mode: null, overwrite: false },
  });
  const judge = (uploads: readonly OutputRequest['upload'][], write: readonly string[]) =>
    evaluatePolicy(
      toPolicySubject(
        requestWith(
          {},
          {
            inputs: [
              {
                ...{ id: null, workspacePath: 'a', mountPath: null, optional: false },
                source: { type: 'filestoreNode', nodeId: 'n1' },
              },
            ],
            outputs: uploads.map((each) => ({
              ...{ id: null, workspacePath: 'o', optional: false },
              ...({ when: 'always', specialFiles: 'skip', upload: each } as const),
            })),
          },
        ),
      ),
      parsePolicy({ storage: { read: [], write } }),
    ).violations;

  it('is judged where it goes to a storage, and not where it goes to the caller or nowhere', () => {
    expect(judge(['caller', null], [])).toEqual([]);
    expect(judge(['caller', null, upload('x')], []).map(({ path }) => path)).toEqual([
      'docker.outputs.2.upload',
    ]);
  });

  it('is certain up to the last folder before the first variable that only a run knows', () => {
    expect(judge([upload('reports/${runId}')], ['5:reports'])).toEqual([]);
    expect(judge([upload('reports/a-${runId}')], ['5:reports/a-'])).toHaveLength(1);
    expect(judge([upload('reports/a-${runId}')], ['5:reports'])).toEqual([]);
    expect(judge([upload('reports')], ['5:reports'])).toEqual([]);
    // What is known of the job is filled in before.
    expect(judge([upload('${jobSlug}/a')], ['5:demo'])).toEqual([]);
    expect(judge([upload('${jobSlug}/a')], ['5:other'])).toHaveLength(1);
  });

  it('names the key of the operator’s where nothing is allowed', () => {
    expect(judge([upload('x')], [])[0]?.hint).toMatch(/nothing is allowed.*policy\.storage\.write/);
    const read = evaluatePolicy(
      toPolicySubject(
        requestWith(
          {},
          {
            inputs: [
              {
                ...{ id: null, workspacePath: 'a', mountPath: null, optional: false },
                source: { type: 'filestorePath', backendMountId: '5', path: '/x' },
              },
            ],
          },
        ),
      ),
      parsePolicy({ storage: { read: [] } }),
    ).violations;
    expect(read[0]?.hint).toMatch(/nothing is allowed.*policy\.storage\.read/);
  });
});
