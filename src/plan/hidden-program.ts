/** Which volumes of an image may hide what it has of a job's program. Pure. */
import { isWithin } from '../base/paths.js';
import type { ImageInfo } from '../engine/image-types.js';
import { coverImageVolumes } from './image-volumes.js';
import type { RunPlan } from './run-plan.js';

/** What has to be known of an image. */
export type ImageProgram = Pick<ImageInfo, 'volumes' | 'entryPoint' | 'command'>;

/** Where images have programs whose paths nobody wrote down, and what programs need to be loaded. */
const USUAL_FOLDERS = ['', '/usr', '/usr/local'].flatMap((above) =>
  ['bin', 'sbin', 'lib', 'lib64'].map((name) => `${above}/${name}`),
);

/** The program a container begins with; a name alone is looked for in the folders of `PATH`. */
function programOf({ container }: Pick<RunPlan, 'container'>, image: ImageProgram): string {
  const isOfImage = container.entryPoint === null;
  const entryPoint = container.entryPoint ?? image.entryPoint;
  const command = container.command ?? (isOfImage ? image.command : []);
  return [...entryPoint, ...command][0] ?? '';
}

/** Where something empty lies over the image's program, or over the folders in which it may be. */
export function volumesOverProgram(
  plan: Pick<RunPlan, 'container' | 'workspaceMountPath' | 'volumeMask'>,
  image: ImageProgram,
): readonly string[] {
  const places = [programOf(plan, image), ...USUAL_FOLDERS];
  const { tmpfs, mounts } = coverImageVolumes(plan, image.volumes);
  return [...tmpfs, ...mounts]
    .map(({ target }) => target)
    .filter((target) => places.some((place) => isWithin(target, place)));
}
