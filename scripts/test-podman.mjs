/**
 * `npm run test:podman [-- --registry]`: the core of the suite on a Podman of its own, as root. What cannot hold there is left out by name, with the reason;
 * everything else has to pass. With `--registry` also what becomes of pulls when a registry fails: minutes, as Podman tries again by itself. Needs what a
 * private engine needs, and Debian's `podman` and `catatonit`.
 */
import { runCoreSuite } from './core-suite.mjs';
import { PODMAN, privateEngineProblem } from './engine/packages.mjs';

const CORE = ['engine-conformance', 'podman', 'run', 'effects', 'hints', 'mount-failures'];

/** Parts of names, and why such a test cannot hold. */
const LEFT_OUT = [
  ['is killed beyond its memory', 'on version 1 of control groups Podman never tells that memory ran out'],
  [
    'finds /tmp its own',
    'a tmpfs has no owner and no bound on inodes, and keeps the mode of the image’s folder',
  ],
  ['an image cannot bring a health check', 'the image cannot be made: an import takes no HEALTHCHECK'],
  ['has it, tells of its layers byte by byte', 'Podman tells no bytes of layers'],
  ['waits when the registry asks for it', 'Podman waits by itself and does not say so'],
  ['too much memory: how much', 'so that there is no hint of it'],
];

/** Within cases of the contract: what info().gaps names is not asked of the engine. */
const GAPS = [
  [
    'copies',
    'owners are lost on the way out, links at the end of a path are followed, volumes are not entered',
  ],
  ['mountPaths', 'paths that would be read as options are refused, which is what the cases then ask for'],
  ['startErrors', 'a failed start leaves no words in the state of the container'],
  ['killSignals', 'events do not tell the signal'],
  ['runtimes', 'a container gets Podman’s own, whichever it asks for'],
  ['gpus', 'a request for them is taken, and the container has none'],
];

process.exitCode = runCoreSuite({
  problem: privateEngineProblem(PODMAN),
  engine: ['--podman'],
  project: 'podman',
  files: [...CORE, ...(process.argv.includes('--registry') ? ['registry-failures'] : [])],
  leftOut: LEFT_OUT,
  notes: GAPS.map(([name, why]) => `gap "${name}" of the contract: ${why}`),
});
