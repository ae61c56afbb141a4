#!/usr/bin/env node
/** The program `berthkit`: the real process handed to the command line. The only file that touches it. */
import { hostname, userInfo } from 'node:os';
import { isatty } from 'node:tty';
import manifest from '../../package.json' with { type: 'json' };
import { CANCEL_SIGNALS } from './io.js';
import { runCli } from './program.js';

const isTerminal = isatty(2);

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal,
  isOutputTerminal: isatty(1),
  hasColor: isTerminal && (process.env['NO_COLOR'] ?? '') === '',
  version: manifest.version,
  user: `${userName()}@${hostname()} (process ${String(process.pid)})`,
  onSignal(listener) {
    const hearers = CANCEL_SIGNALS.map((name) => ({ name, hear: () => listener(name) }));
    for (const { name, hear } of hearers) process.on(name, hear);
    return () => {
      for (const { name, hear } of hearers) process.off(name, hear);
    };
  },
  exit: (code) => process.exit(code),
});

/** A user need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.())}`;
  }
}
