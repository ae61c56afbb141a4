/** What a run undoes: again where that may help, within its time, and everything whatever fails. */
import { describe, expect, it } from 'vitest';
import { EngineError, SecretError, WorkspaceError } from '../src/errors.js';
import { createCleanup } from '../src/run-cleanup.js';

/** Undoes one thing that fails so often, and gives how often it was tried and what was reported. */
async function undo(error: Error, failures: number) {
  const cleanup = createCleanup();
  const reported: unknown[] = [];
  let tries = 0;
  cleanup.add('container', () => {
    tries += 1;
    return tries > failures ? Promise.resolve() : Promise.reject(error);
  });
  await cleanup.run((_what, problem) => reported.push(problem));
  return { tries, reported };
}

describe('a clean-up', () => {
  it.each([
    ['an engine that cannot be reached', new EngineError('engine.unreachable', 'away')],
    ['a host that is short of something', new WorkspaceError('workspace.failed', 'EMFILE')],
    ['files of secrets that could not be removed', new SecretError('secret.failed', 'EMFILE')],
  ])('tries again after %s', async (_name, error) => {
    expect(await undo(error, 2)).toEqual({ tries: 3, reported: [] });
  });

  it.each([
    ['what the engine refused', new EngineError('engine.failed', 'busy')],
    ['what nobody knows', new TypeError('x')],
  ])('reports at once %s', async (_name, error) => {
    expect(await undo(error, 9)).toEqual({ tries: 1, reported: [error] });
  });

  it('goes on with the rest, the last thing made first', async () => {
    const cleanup = createCleanup();
    const order: string[] = [];
    cleanup.add('workspace', () => Promise.resolve(void order.push('workspace')));
    cleanup.add('container', () => Promise.reject(new Error('x')));
    cleanup.addFirst('secret', () => Promise.resolve(void order.push('secret')));
    await cleanup.run((what) => order.push(`not ${what}`));
    expect(order).toEqual(['secret', 'not container', 'workspace']);
  });
});
