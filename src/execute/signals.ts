/** Signals of Linux by number, and the exit codes that stand for them. Data only. */

const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  10: 'SIGUSR1',
  11: 'SIGSEGV',
  12: 'SIGUSR2',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** Signals that somebody sends; the others are a process's own doing. */
const SENT_SIGNALS = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL', 'SIGUSR1', 'SIGUSR2', 'SIGTERM']);

/** The name of a signal for people, also of one that has none here. */
export function signalNumbered(number: number | null): string {
  if (number === null) return 'a signal';
  return SIGNAL_NAMES[number] ?? `signal ${String(number)}`;
}

/** The signal an exit code above 128 stands for by the shell's convention, or null. */
export function signalOf(exitCode: number | null): string | null {
  return exitCode === null ? null : (SIGNAL_NAMES[exitCode - 128] ?? null);
}

/** Whether an exit code stands for a signal that one process sends to another, as against a fault of its own. */
export function wasSignaled(exitCode: number | null): boolean {
  const signal = signalOf(exitCode);
  return signal !== null && SENT_SIGNALS.has(signal);
}
