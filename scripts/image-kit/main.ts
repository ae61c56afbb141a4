/** Has the named images on the engine at DOCKER_HOST and prints their references. */
import { ensureImage, type ImageName } from './image-kit.js';

for (const name of process.argv.slice(2)) console.log(await ensureImage(name as ImageName));
