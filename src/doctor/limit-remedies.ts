/** What to do about a limit that is not enforced. Data only. */
import type { EnforcedLimit } from '../base/enforced-limits.js';
import type { UnseenCause } from './judge-limits.js';

const CONTROLLER = (name: string): string =>
  `give the engine the control group controller "${name}" (compare the warnings of \`docker info\`; rootless engines need it delegated to their user)`;

/** First what is usually wrong; the rest is the same for all. */
const CAUSES: Readonly<Record<EnforcedLimit, string>> = {
  memory: `${CONTROLLER('memory')}, and swap accounting where the host has swap`,
  pids: CONTROLLER('pids'),
  cpu: CONTROLLER('cpu'),
  shm_size: 'use a runtime that bounds /dev/shm',
  tmpfs_size: 'use an engine and runtime that bound temporary file systems',
  ulimits: 'use a runtime that sets ulimits',
  read_only_root: 'use a storage driver and runtime that mount the root file system read-only',
  no_new_privileges: 'use a runtime and kernel that know no_new_privs',
  capabilities: 'use an engine that drops capabilities',
  network_none: 'use an engine that gives a container of the network "none" a network namespace of its own',
};

/** For one that is not enforced. */
export function remedyFor(limit: EnforcedLimit): string {
  return `${CAUSES[limit]}; see whether something between berthkit and the engine changes requests; or accept it by name in policy.security.acceptUnenforced`;
}

const NOT_RUN =
  'find out from the evidence what kept its container from running to its end (a limit its runtime needs more of, room on the engine or among runs), and run doctor again';

/** For one of which nothing could be seen, by the reason for that. */
export const UNSEEN_REMEDIES: Readonly<Record<UnseenCause, string>> = {
  image: 'run doctor again with an image that has sh and sleep',
  start: NOT_RUN,
  container: NOT_RUN,
  unconfirmed:
    'run doctor again when the engine and its host have less to do: it may have missed the kill, or be short of memory',
  runtime:
    'use a runtime that shows it to its containers; or make sure of it by other means, and accept it by name in policy.security.acceptUnenforced',
};
