/** Where a file of an output goes, and what its storage is told of it. */
import { describe, expect, it } from 'vitest';
import type { OutputRequest } from '../../src/plan/container-spec.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { destinationOf, metadataOf } from '../../src/workspace/destination.js';
import type { FoundFile } from '../../src/workspace/found-file.js';
import { requireOutputTo, requireStorage } from '../../src/workspace/mounts.js';
import { fromData, planOf } from './plan-fixture.js';

const JOB = { slug: 'count', id: 'd1', version: '3' };
const VARIABLES = { runId: 'r1', attempt: 2, startedAt: '2026-01-02T03:04:05.000Z' };
const storage = { out: memoryStorage() };
const file = (path: string, relativePath = ''): FoundFile => ({ path, relativePath }) as FoundFile;
const output = (upload: OutputRequest['upload'], id: string | null = null): OutputRequest =>
  planOf({ outputs: [{ upload, id, workspacePath: 'out' }] }).outputs[0]!;
const to = (pathTemplate: string, backendMountId = 'out') => ({
  ...{ backendMountId, pathTemplate, contentType: 'text/plain', mode: null, overwrite: false },
});

describe('a file of an output', () => {
  it('that is only looked at goes nowhere', () => {
    expect(destinationOf(file('out'), output(null), JOB, { storage, variables: VARIABLES })).toBeNull();
  });

  it('for the caller keeps its path, and may replace what is there', () => {
    const outputTo = memoryStorage();
    const found = destinationOf(file('out/a', 'a'), output('caller'), JOB, {
      ...{ storage, outputTo, variables: VARIABLES },
    });
    expect(found).toEqual({
      place: { adapter: outputTo, mountId: null, purpose: 'output "out"' },
      path: 'out/a',
      contentType: null,
      overwrite: true,
      idempotencyKey: 'r1/2/out/a/out/a',
    });
    expect(() =>
      destinationOf(file('out'), output('caller'), JOB, { storage, variables: VARIABLES }),
    ).toThrow('output "out": outputTo is missing');
  });

  it('goes where its template says, beneath it where it is one of many', () => {
    const template = to('${jobSlug}/${jobDefinitionId}/${jobVersion}/${startedDate}/${runId}');
    const where = (found: FoundFile): unknown =>
      destinationOf(found, output(template, 'report'), JOB, { storage, variables: VARIABLES });
    const path = 'count/d1/3/2026-01-02/r1';
    expect(where(file('out'))).toEqual({
      place: { adapter: storage.out, mountId: 'out', purpose: 'output "report"' },
      path,
      contentType: 'text/plain',
      overwrite: false,
      idempotencyKey: `r1/2/out/${path}`,
    });
    expect(where(file('out/b/c', 'b/c'))).toMatchObject({ path: `${path}/b/c` });
  });

  it.each([
    ['of a job without what the template names', to('${jobVersion}/x'), /^output "out": its path template /],
    ['whose place leads out of the storage', to('../x'), /^output "out": /],
    ['of a storage that is not there', to('x', 'constructor'), /there is no storage "constructor"/],
  ])('%s is refused', (_, upload, message) => {
    const nameless = { ...JOB, version: null };
    expect(() =>
      destinationOf(file('out'), output(upload), nameless, { storage, variables: VARIABLES }),
    ).toThrow(message);
  });

  it('tells its storage whose it is, whatever the caller’s metadata says', () => {
    const metadata = { team: 'a', uploadedBy: 'somebody', jobRunId: 'other', jobSlug: 'other' };
    expect(metadataOf(JOB, { storage, variables: VARIABLES, metadata })).toEqual({
      team: 'a',
      uploadedBy: 'berthkit',
      jobRunId: 'r1',
      attempt: '2',
      jobSlug: 'count',
      jobDefinitionId: 'd1',
    });
    expect(metadataOf({ slug: null, id: null, version: null }, { storage, variables: VARIABLES })).toEqual({
      uploadedBy: 'berthkit',
      jobRunId: 'r1',
      attempt: '2',
    });
  });
});

describe('before anything is staged', () => {
  const plan = planOf({
    inputs: [
      { id: 'numbers', source: fromData('a'), workspacePath: 'in' },
      { source: { type: 'filestoreNode', nodeId: 'n1' }, workspacePath: 'node' },
    ],
    outputs: [{ upload: to('x') }, { upload: 'caller', workspacePath: 'mine' }, { upload: null }],
  });
  const all = { data: memoryStorage(), out: memoryStorage() };

  it('every storage has to be there, and whatever finds the files of nodes', () => {
    requireStorage(plan, all, true);
    expect(() => requireStorage(plan, all, false)).toThrow(
      expect.objectContaining({
        code: 'storage.unknown_mount',
        message: 'input "node": nothing finds the file of node "n1"',
        hint: 'give createRuntime a resolveNode port',
      }),
    );
    expect(() => requireStorage(plan, { out: all.out, b: all.out }, true)).toThrow(
      expect.objectContaining({
        message: 'input "numbers": there is no storage "data"',
        hint: 'storages there are: b, out',
        details: { mountId: 'data', known: ['b', 'out'] },
      }),
    );
    expect(() => requireStorage(plan, { data: all.data }, true)).toThrow(
      'output "out.txt": there is no storage',
    );
    expect(() => requireStorage(plan, {}, true)).toThrow(
      expect.objectContaining({ hint: 'give createRuntime a storage port for it' }),
    );
  });

  it('outputs for the caller need a place to go', () => {
    requireOutputTo(plan, all.out);
    requireOutputTo(planOf({ outputs: [{ upload: null }] }), undefined);
    expect(() => requireOutputTo(plan, undefined)).toThrow(
      expect.objectContaining({
        code: 'validation.invalid_job',
        message: expect.stringContaining('output "mine" goes to the caller') as string,
        details: { issues: [expect.objectContaining({ code: 'validation.output_to', path: 'outputTo' })] },
      }),
    );
  });
});
