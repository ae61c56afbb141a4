/** Which capabilities of the kernel a container ends up with. Names without `CAP_`. */

/** What Docker and Podman leave to a container that asks for nothing. */
const DEFAULTS = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/**
 * The defaults without those dropped, and those added, sorted; `['ALL']` where all were added. Two lists that say the same in other words
 * (`ALL`, or every default by its name) come to the same.
 */
export function effectiveCapabilities(
  dropped: readonly string[],
  added: readonly string[],
): readonly string[] {
  const plain = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');
  const gone = new Set(dropped.map(plain));
  const extra = added.map(plain);
  if (extra.includes('ALL')) return ['ALL'];
  const kept = gone.has('ALL') ? [] : DEFAULTS.filter((name) => !gone.has(name));
  return [...new Set([...kept, ...extra])].sort();
}
