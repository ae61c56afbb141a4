/** A container of which only somebody between here and the engine said that it was started. */
import { createRuntime } from 'berthkit';
import { fakeEngine } from 'berthkit/testing';
import { describe, expect, it } from 'vitest';
import { testFolder } from './run-fixture.js';

describe('a container that was said to be started and was not', () => {
  it('ends its run at once, and never as a success', async () => {
    const engine = fakeEngine();
    const start = async (): Promise<void> => Promise.resolve();
    const runtime = createRuntime(
      { workspaceRoot: `${testFolder()}/root` },
      { engine: { ...engine, containers: { ...engine.containers, start } } },
    );
    const result = await runtime.runJob({ docker: { image: 'busybox:1' } });
    await runtime.close();
    expect(result).toMatchObject({ status: 'failed', reason: 'interrupted', retryable: true });
    expect(engine.leftovers()).toEqual([]);
  });
});
