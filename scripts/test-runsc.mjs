/**
 * `npm run test:runsc`: the core of the suite on an engine whose containers all run in gVisor, without a network. What cannot hold there is left out by name, with
 * the reason; everything else has to pass. Needs what a private engine needs, and Debian's `runsc`.
 */
import { runCoreSuite } from './core-suite.mjs';
import { privateEngineProblem } from './engine/packages.mjs';

const RUNTIME = 'runsc';
/** Parts of names, and why such a test cannot hold. */
const LEFT_OUT = [
  ['cannot start more processes than allowed', 'with so few processes the sandbox does not start at all'],
  ['is killed beyond its memory', 'with so little memory the sandbox starts only now and then'],
  ['memory and processes are limited as g', 'a job does not see the control groups that limit it'],
  ['dropped capabilities are gone', '/proc/self/status has no line NoNewPrivs'],
  [
    'is nobody, without capabilities',
    '/proc/self/status has no line NoNewPrivs, and no filter of system calls',
  ],
  ['finds /tmp its own', 'a tmpfs tells and keeps no bound on inodes'],
  ['are covered by a sized tmpfs', '/proc/mounts calls what is mounted from outside "none"'],
];

process.exitCode = runCoreSuite({
  problem: privateEngineProblem(RUNTIME),
  engine: ['--private', '--runtime', RUNTIME],
  project: 'runsc',
  files: ['engine-conformance', 'effects', 'runtimes', 'gvisor'],
  leftOut: LEFT_OUT,
});
