/** What a runtime does, beside taking, judging and planning: most of this package's code, gathered to be loaded in one piece (`runtime-loading.ts`). */
export { examine } from './doctor/examine.js';
export { createImageBuild } from './images/build-image.js';
export { reconcileOnce } from './recovery/reconcile.js';
export { performAdoption, performAttempts } from './run-attempts.js';
export { secretsRootOf } from './run-secrets.js';
export { createAdoption, takeOver } from './runtime-adoption.js';
export { rootProblem } from './workspace/run-folder.js';
