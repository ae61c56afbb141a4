/** Makes deadlines of this process come sooner or later: a run that meets a silent engine would take minutes, and one that is held has to be waited for. */

/** A deadline that lies far off comes so many times sooner; all of them are timers. A busy engine must still be in time. */
const HURRY = 4;
const FAR_MS = 20_000;
/** What lies further off than any deadline of a scene bounds the scene itself. */
const BOUND_MS = 200_000;

/** What a store may take, which is where runs are held until all are there; and what it gets instead. */
const STORE_MS = 10_000;
export const PATIENT_STORE_MS = 60_000;

/** How long a deadline really is. */
export function bentMs(milliseconds: number): number {
  if (milliseconds === STORE_MS) return PATIENT_STORE_MS;
  return milliseconds >= FAR_MS && milliseconds < BOUND_MS ? milliseconds / HURRY : milliseconds;
}

/** From now on, for good. */
export function bendTimers(): void {
  const { setTimeout: real } = globalThis;
  const bent = (callback: () => void, milliseconds = 0): NodeJS.Timeout =>
    real(callback, bentMs(milliseconds));
  globalThis.setTimeout = Object.assign(bent, real);
}
