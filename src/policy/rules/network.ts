/** Which network a container gets, by the three rules of the Docker Job Runtime document in their order. */
import type { NetworkMode } from '../../plan/container-spec.js';
import type { NetworkPolicy } from '../policy.js';
import { allowed, type BuiltInRule, denied } from '../rule.js';

/** The mode a request gets if it is not refused: what it asked for, else `none` under isolation, else the default. */
export function effectiveNetworkMode(asked: NetworkMode | null, policy: NetworkPolicy): NetworkMode {
  if (asked !== null) return asked;
  return policy.enforceIsolation ? 'none' : policy.defaultMode;
}

/** Why a mode that was asked for is not permitted, and what is; null: it is. */
export function refusedNetworkMode(
  asked: NetworkMode,
  network: NetworkPolicy,
): { readonly message: string; readonly hint: string } | null {
  if (!network.allowedModes.includes(asked)) {
    const modes = network.allowedModes.join(', ');
    return {
      message: `Network mode ${asked} is not permitted in this environment`,
      hint: `allowed: ${modes}`,
    };
  }
  if (network.enforceIsolation && asked !== 'none') {
    return {
      message: 'Network isolation is enforced; containers must run with network mode "none"',
      hint: 'leave networkMode out or set it to "none"; the operator decides by policy.network.enforceIsolation',
    };
  }
  if (!network.enforceIsolation && !network.allowOverride && asked !== network.defaultMode) {
    return {
      message: `Network mode overrides are disabled. Use ${network.defaultMode}`,
      hint: `leave networkMode out or set it to "${network.defaultMode}"; the operator decides by policy.network.allowOverride`,
    };
  }
  return null;
}

/** `policy.network` */
export const networkRule: BuiltInRule = {
  id: 'policy.network',
  isRelaxable: false,
  judge(subject, { policy }) {
    const { network } = policy;
    const asked = subject.networkMode;
    if (asked === null) {
      const why = network.enforceIsolation ? 'isolation is enforced' : 'it is the default';
      return allowed(
        'policy.network',
        `network "${effectiveNetworkMode(null, network)}" because none was asked for and ${why}`,
      );
    }
    const refusal = refusedNetworkMode(asked, network);
    if (refusal === null)
      return allowed('policy.network', `network "${asked}" was asked for and is permitted`);
    return denied('policy.network', [{ path: 'docker.networkMode', ...refusal }]);
  },
};
