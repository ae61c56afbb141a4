/** Which OCI runtime a job may ask for: one the operator names. */
import { allowedHint } from '../hint.js';
import { allowed, type BuiltInRule, deniedBy, notApplicable, standing } from '../rule.js';

const NOT_ASKED_FOR = standing(notApplicable('policy.runtime', 'no runtime asked for'));

/** `policy.runtime` */
export const runtimeRule: BuiltInRule = {
  id: 'policy.runtime',
  isRelaxable: false,
  judge({ runtime }, { policy }) {
    if (runtime === null) return NOT_ASKED_FOR;
    const { allowedRuntimes, runtime: own } = policy.security;
    const names = own === null ? allowedRuntimes : [...new Set([own, ...allowedRuntimes])];
    const objection = {
      path: 'docker.security.runtime',
      message: `runtime "${runtime}" is not among those of security.allowedRuntimes`,
      hint: allowedHint(names, runtime, 'policy.security.allowedRuntimes'),
    };
    return deniedBy(
      'policy.runtime',
      names.includes(runtime) ? [] : [objection],
      allowed('policy.runtime', `runtime "${runtime}" is one a job may ask for`),
    );
  },
};
