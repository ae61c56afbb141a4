/** The specification of a container as a run of a job with nothing but an image makes it. */
import { parseConfig } from '../../src/config/parse.js';
import { compileJob } from '../../src/job/compile.js';
import { parseJobShape } from '../../src/job/validate.js';
import type { ContainerSpec } from '../../src/plan/container-spec.js';
import { materializeContainer } from '../../src/plan/materialize.js';
import { planRun } from '../../src/plan/plan-run.js';
import { judgeRequest } from '../../src/policy/judge.js';

/** Of `busybox:1`. */
export function specOf(): ContainerSpec {
  const shape = parseJobShape({ slug: 'a', docker: { image: 'busybox:1' } });
  if (!shape.ok) throw new Error('no job');
  const config = parseConfig();
  const plan = planRun(judgeRequest(compileJob(shape.job), config.policy), config, { caller: null });
  return materializeContainer(plan, {
    ...{
      runId: 'r1',
      attempt: 1,
      imageVolumes: [],
      imageEnvironment: [],
      workspacePath: '/w',
      labelPrefix: 'berthkit',
    },
    ...{
      imageId: `sha256:${'a'.repeat(64)}`,
      instance: 'i',
      owner: 'o',
      createdAt: new Date(0).toISOString(),
    },
    ...{ secrets: new Map(), proxies: new Map(), secretsPath: null, skippedInputs: new Set(), stdin: false },
  }).spec;
}
