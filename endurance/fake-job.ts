/** A fake engine whose containers do what the short jobs say, and that is replaced now and then: it remembers every call. */
import type { ContainerEngine } from 'berthkit';
import { type FakeEngine, fakeEngine, type FakeJob } from 'berthkit/testing';

/** An engine of which nothing is left when it is renewed. */
export interface RenewedEngine {
  readonly engine: ContainerEngine;
  /** Throws if the one in use was used wrongly, or something is left on it; then another one is in use. */
  readonly renew: () => void;
}

/** The first one is in use. */
export function renewedEngine(): RenewedEngine {
  let current: FakeEngine = fakeEngine({ run: perform });
  return {
    engine: new Proxy({} as ContainerEngine, { get: (_, name) => Reflect.get(current, name) as unknown }),
    renew() {
      const [problem] = current.protocolErrors;
      if (problem !== undefined) throw new Error(problem);
      const left = current.leftovers();
      if (left.length > 0) throw new Error(`left on the engine: ${left.join(', ')}`);
      current = fakeEngine({ run: perform });
    },
  };
}

async function perform(job: FakeJob): Promise<{ readonly exitCode: number }> {
  const script = job.spec.command?.at(-1) ?? '';
  if (script.startsWith('sleep')) return job.sleepUntilKilled();
  if (script.includes('out.txt')) {
    const secret = await job.readFile(job.environment['TOKEN'] ?? '');
    await job.writeFile('/workspace/out.txt', secret);
    await job.stdout('done\n');
  }
  return { exitCode: script.includes('exit 3') ? 3 : 0 };
}
