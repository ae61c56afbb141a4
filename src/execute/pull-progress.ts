/** Thins out the progress of a pull: events of a run are all kept, and an engine tells of every layer ten times a second. Pure. */
import type { PullProgress } from '../engine/types.js';

/** How much a layer moves on before it is told of again: a share of it, or so many bytes where its size is not known. */
const SHARE = 1 / 20;
const STEP_BYTES = 16 * 1024 ** 2;

/**
 * Makes a function that says whether a step is worth telling: a layer in another state, at its end, or further on by a twentieth of its size.
 */
export function createProgressFilter(): (step: PullProgress) => boolean {
  const told = new Map<string | null, PullProgress>();
  return (step) => {
    const before = told.get(step.layer);
    if (before !== undefined && !isNews(before, step)) return false;
    told.set(step.layer, step);
    return true;
  };
}

function isNews(before: PullProgress, step: PullProgress): boolean {
  if (step.status !== before.status) return true;
  if (step.currentBytes === null || step.currentBytes === before.currentBytes) return false;
  if (step.currentBytes === step.totalBytes || before.currentBytes === null) return true;
  const enough = step.totalBytes === null ? STEP_BYTES : step.totalBytes * SHARE;
  return Math.abs(step.currentBytes - before.currentBytes) >= enough;
}
