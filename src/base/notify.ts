/** Tells a listener something without being hurt by it. */

/** Calls a listener if there is one; what it throws, or its promise rejects with, is its own affair. */
export function notify<T extends readonly unknown[]>(
  listener: ((...told: T) => unknown) | undefined,
  ...told: T
): void {
  try {
    const answer = listener?.(...told);
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch {
    // Whoever tells goes on.
  }
}
