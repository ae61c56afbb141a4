/** When the code of what a runtime does is loaded. */
import { lazy } from './base/lazy.js';

/**
 * Not with an import of this package, which is to be cheap for whoever only validates and judges; but as soon as there is a runtime, so that no run
 * waits for it, nor finds the files of another version in its place.
 */
export const loadDeeds = lazy(async () => import('./runtime-deeds.js'));
