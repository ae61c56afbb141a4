/** Whether a job may have a GPU, by whichever way it asks for one. */
import { allowed, type BuiltInRule, deniedBy, notApplicable, type Objection, standing } from '../rule.js';
import type { PolicySubject } from '../subject.js';

/** NVIDIA's runtime gives a container the GPUs its environment names, also one for which no GPU was asked. */
const ASKING_VARIABLE = 'NVIDIA_VISIBLE_DEVICES';

/** Whether the container is to have a GPU. */
export function asksForGpu({ requiresGpu, resources }: PolicySubject): boolean {
  return requiresGpu || resources.gpu !== undefined;
}

const NOT_ASKED_FOR = standing(notApplicable('policy.gpu', 'no GPU asked for'));
const ENABLED = standing(allowed('policy.gpu', 'GPUs are enabled'));

/** `policy.gpu` */
export const gpuRule: BuiltInRule = {
  id: 'policy.gpu',
  isRelaxable: false,
  judge(subject, { policy }) {
    const paths = pathsThatAsk(subject);
    if (paths.length === 0) return NOT_ASKED_FOR;
    const objections = paths.map((path): Objection => ({
      path,
      message: 'GPU execution is not enabled in this environment',
      hint: 'the operator decides by policy.gpu.enabled',
    }));
    return deniedBy('policy.gpu', policy.gpu.enabled ? [] : objections, ENABLED);
  },
};

function pathsThatAsk({ requiresGpu, resources, environment }: PolicySubject): readonly string[] {
  const paths: string[] = [];
  if (requiresGpu) paths.push('docker.requiresGpu');
  if (resources.gpu !== undefined) paths.push('docker.resources.gpu');
  for (const { name, namePath } of environment) {
    if (name === ASKING_VARIABLE) paths.push(namePath);
  }
  return paths;
}
