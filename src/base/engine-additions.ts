/** What engines put into containers without being asked, by name. It judges no value. */

/** Environment variables that Podman gives to every container. */
export const ADDED_VARIABLES: ReadonlySet<string> = new Set(['container', 'HOSTNAME', 'TERM']);

/** Limits that Podman sets in every container where nobody asked for them. */
export const ADDED_ULIMITS: ReadonlySet<string> = new Set(['nofile', 'nproc']);
