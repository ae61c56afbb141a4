/** Which limits a container, or every container under a policy, depends on. Pure; it does not know what an engine enforces. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import type { ContainerSpec } from '../plan/container-spec.js';
import type { Policy } from '../policy/policy.js';

/** Every container has these bounds. */
const ALWAYS = ['memory', 'pids', 'cpu', 'shm_size', 'capabilities'] as const satisfies EnforcedLimit[];

const given = (limit: EnforcedLimit, isDemanded: boolean): readonly EnforcedLimit[] =>
  isDemanded ? [limit] : [];

/** The limits one container was promised. */
export function limitsOfContainer(
  spec: Pick<
    ContainerSpec,
    'readOnlyRootFilesystem' | 'noNewPrivileges' | 'networkMode' | 'tmpfs' | 'resources'
  >,
): readonly EnforcedLimit[] {
  return [
    ...ALWAYS,
    ...given('tmpfs_size', spec.tmpfs.length > 0),
    ...given('ulimits', spec.resources.ulimits.length > 0),
    ...given('read_only_root', spec.readOnlyRootFilesystem),
    ...given('no_new_privileges', spec.noNewPrivileges),
    ...given('network_none', spec.networkMode === 'none'),
  ];
}

/** The limits no job under the policy can do without, unless it has a mount of its own at `/tmp`; a single job may depend on more. */
export function limitsOfPolicy({ security, network, limits }: Policy): readonly EnforcedLimit[] {
  return [
    ...ALWAYS,
    'tmpfs_size',
    ...given('ulimits', limits.default.ulimits.length > 0),
    ...given('read_only_root', security.readOnlyRootFilesystem),
    ...given('no_new_privileges', security.noNewPrivileges),
    ...given('network_none', network.enforceIsolation),
  ];
}
