/** The names of the limits that berthkit relies on an engine to enforce. Data only. */

/**
 * What an engine has to enforce. `memory`, `pids`, `cpu`, `shm_size` and `ulimits` bound what a job takes, `tmpfs_size` what it writes to a temporary
 * file system; `read_only_root`, `no_new_privileges`, `capabilities` and `network_none` bound what it can do.
 */
export const ENFORCED_LIMITS = [
  'memory',
  'pids',
  'cpu',
  'shm_size',
  'tmpfs_size',
  'ulimits',
  'read_only_root',
  'no_new_privileges',
  'capabilities',
  'network_none',
] as const;

/** One of them. */
export type EnforcedLimit = (typeof ENFORCED_LIMITS)[number];
