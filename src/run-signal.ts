/** Hears of the abort of a signal that its caller may give to any number of runs. It ends none. */

interface Followers {
  readonly told: Set<() => void>;
  readonly hear: () => void;
}

/** One listener a signal: Node takes more than ten for a leak, and writes so to the console of the application. */
const followed = new WeakMap<AbortSignal, Followers>();

/** Calls `told`, a function of its own for each call, when the signal is aborted from now on; gives what makes it forget that. */
export function followSignal(signal: AbortSignal, told: () => void): () => void {
  const followers = followed.get(signal) ?? beginToFollow(signal);
  followers.told.add(told);
  return () => {
    followers.told.delete(told);
    if (followers.told.size > 0 || followed.get(signal) !== followers) return;
    followed.delete(signal);
    signal.removeEventListener('abort', followers.hear);
  };
}

function beginToFollow(signal: AbortSignal): Followers {
  const told = new Set<() => void>();
  const hear = (): void => {
    followed.delete(signal);
    for (const each of told) each();
  };
  const followers = { told, hear };
  followed.set(signal, followers);
  signal.addEventListener('abort', hear, { once: true });
  return followers;
}
