/** Which folders an engine may not look into whole: of what lies deeper than it can name, its tars say nothing, and no error either. */

/**
 * Systems take no path of 4,096 bytes. Of those, 255 are for one more name, and the rest for what the engine has before a path of the workspace: beneath a
 * folder up to this nothing is left out.
 */
const MOST_PATH_BYTES = 3_500;

/** Whether something beneath a folder of the workspace may be left out. */
export function isBeyondReach(path: string): boolean {
  return Buffer.byteLength(path) > MOST_PATH_BYTES;
}
