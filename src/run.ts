/** The story of one run: judge, plan, claim, admit, prepare, choose a transport, stage, reveal secrets, execute, collect, clean up. One call an arrow. */
import type { RunRequest } from './plan/container-spec.js';
import type { RunResult } from './result.js';
import { collectRun } from './run-collection.js';
import type { Run } from './run-context.js';
import { executeRun } from './run-execution.js';
import { requireGiven } from './run-given.js';
import { joinRun } from './run-join.js';
import { prepareImage } from './run-image.js';
import { admitRun, openWorkspace, planJudged } from './run-preparation.js';
import { stageRun } from './run-staging.js';
import { revealSecrets } from './run-secrets.js';
import { conclude, settleAttempt } from './run-settling.js';
import { chooseTransport } from './run-transport.js';

/**
 * Runs one accepted request to its end. What the job comes to is returned; what keeps the run from having an outcome is thrown, with the
 * outcome on it if there already was one. Either way everything is cleaned up before this settles.
 */
export async function performRun(run: Run, request: RunRequest): Promise<RunResult> {
  let failure: unknown;
  try {
    const planned = planJudged(run, request);
    const standing = await run.journal.claim(run, request, planned);
    if (standing !== null) return await joinRun(run, planned, standing);
    await requireGiven(run, planned);
    await run.confirmAudit();
    const { plan, place } = await admitRun(run, request, planned);
    failure = await settleAttempt(run, async (cleanup) => {
      const image = await prepareImage(run, plan, cleanup);
      const workspace = await openWorkspace(run, plan, cleanup);
      const transport = await chooseTransport(run, plan, { image, workspace, cleanup });
      const staged = await stageRun(run, plan, { place, image, workspace, transport, cleanup });
      const secrets = await revealSecrets(run, plan, cleanup);
      const ending = await executeRun(run, { plan, image, workspace, staged, secrets, cleanup });
      await collectRun(run, { plan, workspace, staged, ending, cleanup });
    });
    place.release();
  } catch (error) {
    failure = error;
  }
  return conclude(run, failure);
}
