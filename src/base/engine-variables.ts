/** Environment variables that engines put into containers without being asked. It judges no value. */

/** Podman puts these into every container. */
export const ENGINE_VARIABLES: ReadonlySet<string> = new Set(['container', 'HOSTNAME', 'TERM']);
