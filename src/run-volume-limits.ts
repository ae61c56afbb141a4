/** The limits of a workspace in volumes: its bytes while the job runs, as far as the engine tells them, and everything when it has ended. */
import type { ContainerEngine } from './engine/types.js';
import type { VolumeLooks } from './execute/volume-looks.js';
import { type VolumeWatch, watchVolumes } from './execute/watch-volumes.js';
import type { RunVolumes } from './run-volumes.js';
import { measureAtEnd } from './workspace/measure-at-end.js';
import type { WorkspaceBounds, WorkspaceListener } from './workspace/watch-workspace.js';

/** What of a run's volumes this needs. */
export type MeasuredVolumes = Pick<RunVolumes, 'measure' | 'workspaceVolumes'>;

/** Who hears of the workspace, and how long its measuring may take in the end. */
export interface VolumeLimitListener extends Pick<WorkspaceListener, 'onExcess' | 'onFailure'> {
  /** What it held while the job ran could not be told. */
  readonly onMissed: (error: unknown) => void;
  readonly withinMs: number;
}

/** A watch under way. */
export interface VolumeLimitWatch {
  /** The job runs from now on: without that nothing is asked of the engine. */
  started(engine: ContainerEngine): void;
  /** Measures once more, unless there was too much already, and ends the watch. Never rejects. */
  end(): Promise<void>;
}

/** Makes ready to watch. Entries are not counted before the end: no engine tells them of what a job still changes. */
export function watchVolumeLimits(
  looks: VolumeLooks,
  volumes: MeasuredVolumes,
  { maxBytes, maxEntries }: Pick<WorkspaceBounds, 'maxBytes' | 'maxEntries'>,
  listener: VolumeLimitListener,
): VolumeLimitWatch {
  const { onExcess, onMissed } = listener;
  const late = measureAtEnd(volumes, { maxBytes, maxEntries }, listener);
  let live: VolumeWatch | null = null;
  return {
    started(engine) {
      late.started();
      if (maxBytes === null || engine.capabilities.volumeBytes !== true) return;
      live = watchVolumes(looks, engine, {
        volumes: volumes.workspaceVolumes,
        maxBytes,
        onExcess: () => {
          onExcess({ of: 'bytes', allowed: maxBytes });
        },
        onFailure: onMissed,
      });
    },
    async end() {
      const isExcess = (await live?.end()) ?? false;
      if (!isExcess) await late.end();
    },
  };
}
