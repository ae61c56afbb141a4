/** Proves that a container sees a folder of this host: a marker nobody can guess is written here and read there. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { RuntimeConfig } from '../config/runtime-config.js';
import type { Owner } from '../host/file-content.js';
import { createWorkspace } from '../workspace/create.js';
import { createCleanup } from '../run-cleanup.js';
import { pathForEngine } from '../run-transport.js';
import type { TransportProof } from './engine-checks.js';
import { MARKER_FILE, MARKER_FOLDER } from './probe-programs.js';
import { transportProbe } from './probes.js';
import { type ProbeParts, runProbe } from './run-probe.js';

/** Where, and for whom. */
export interface TransportParts {
  readonly config: Pick<RuntimeConfig, 'workspaceRoot' | 'hostWorkspaceRoot'>;
  /** Who jobs are. */
  readonly user: Owner;
  /** Null: without an image there is no container. */
  readonly probe: ProbeParts | null;
}

/** Never rejects. */
export async function proveTransport({ config, user, probe }: TransportParts): Promise<TransportProof> {
  if (probe === null) return { proven: false, wasTried: false, problem: 'there is no image to try it with' };
  const cleanup = createCleanup();
  // One that was broken off says nothing of the transport.
  const unproven = (problem: string): TransportProof => {
    return { proven: false, wasTried: !probe.stop.signal.aborted, problem };
  };
  try {
    const { identity, examinationId: runId, stop } = probe;
    const folder = await createWorkspace(config.workspaceRoot, {
      name: 'doctor',
      user,
      mark: { ...identity, runId },
      signal: stop.signal,
    });
    cleanup.add('workspace', async (signal) => folder.remove(signal));
    const marker = randomBytes(16).toString('hex');
    await writeMarker(join(folder.workspacePath, MARKER_FILE), marker);
    await folder.verify();
    const mount = {
      type: 'bind',
      source: join(pathForEngine(config, folder), relative(folder.path, folder.workspacePath)),
      target: MARKER_FOLDER,
      readOnly: true,
    } as const;
    const end = await runProbe(probe, transportProbe(mount, `${String(user.uid)}:${String(user.gid)}`));
    if (!end.ran) return unproven(end.problem);
    if (end.seen.get('marker') === marker) return { proven: true };
    return unproven(end.stopped ?? 'the container did not see the marker that was written here');
  } catch (error) {
    return unproven(error instanceof Error ? error.message : String(error));
  } finally {
    await cleanup.run((_, error) => {
      probe.onLeftover('the folder of the marker', error);
    });
  }
}

/** Readable for the container's user, whatever the umask. Exclusive: the folder is that user's, who may have planted a link. */
async function writeMarker(path: string, marker: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.chmod(0o644);
    await file.writeFile(`${marker}\n`);
  } finally {
    await file.close();
  }
}
