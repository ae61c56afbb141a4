/** Which container paths an engine understands that reads each mount as one line of options. Pure; it judges no meaning of a path. */

/** What would end the path and begin another option: in a line of comma-separated values, and in a path that options follow. */
const MOUNT_SEPARATORS = /[,"\r\n]/;
const TMPFS_SEPARATORS = /[,":\r\n]/;

/** What such a path has to be without, in words. */
export const LISTABLE_RULE = {
  mount: 'without commas, double quotes and line breaks',
  tmpfs: 'without colons, commas, double quotes and line breaks',
} as const;

/** Whether such an engine takes the path, of a mount or of a temporary file system, for what it is. */
export function isListablePath(path: string, of: keyof typeof LISTABLE_RULE): boolean {
  return !(of === 'mount' ? MOUNT_SEPARATORS : TMPFS_SEPARATORS).test(path);
}
