/** Runs a job on the fake engine that leaves something in its workspace, and gives what was made of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  memoryStorage,
  type OutputDefinition,
  type OutputReport,
  type RunResult,
  type RuntimeConfigInput,
  type StorageAdapter,
} from 'berthkit';
import { expect } from 'vitest';
import { trial } from './fixture.js';

/** What lies on the host where no job may get at it. */
export const HOST_SECRET = 'host-secret-of-the-operator';

/** Folders of the host as a job with an exploit in hand would know them. */
export interface Places {
  readonly workspace: string;
  /** A host file that holds {@link HOST_SECRET}. */
  readonly hostFile: string;
  /** The folder it lies in. */
  readonly hostFolder: string;
}

/** What became of the outputs. */
export interface Collected {
  readonly result: RunResult;
  readonly reports: readonly OutputReport[];
  /** What was handed to the caller, as text. */
  readonly files: Readonly<Record<string, string>>;
}

/** How a job with outputs is run. */
export interface CollectSetup {
  readonly config?: RuntimeConfigInput | undefined;
  readonly outputTo?: string | StorageAdapter | undefined;
  readonly exitCode?: number | undefined;
}

/** An output that goes to the caller. */
export const toCaller = (workspacePath: string, more: Partial<OutputDefinition> = {}): OutputDefinition => ({
  workspacePath,
  upload: 'caller',
  ...more,
});

/** Plants something in the workspace and collects. Fails if the host's secret gets out or anything stays behind. */
export async function collect(
  outputs: readonly OutputDefinition[],
  plant: (places: Places) => void | Promise<void>,
  { config = {}, outputTo, exitCode = 0 }: CollectSetup = {},
): Promise<Collected> {
  const hostFolder = mkdtempSync(join(tmpdir(), 'berthkit-host-'));
  const hostFile = join(hostFolder, 'secret');
  writeFileSync(hostFile, HOST_SECRET);
  const memory = memoryStorage();
  try {
    const { outcome, told } = await trial(
      { docker: { image: 'busybox:1', outputs } },
      {
        config,
        script: {
          run: async ({ spec }) => {
            const workspace = spec.mounts.find(({ target }) => target === '/workspace')?.source ?? '';
            await plant({ workspace, hostFile, hostFolder });
            return { exitCode };
          },
        },
        options: { outputTo: outputTo ?? memory },
      },
    );
    if (outcome instanceof Error && outcome.result === undefined) throw outcome;
    const result = outcome instanceof Error ? outcome.result : outcome;
    if (result === undefined) throw new Error('there is no result');
    const files = Object.fromEntries(
      Object.entries(memory.files()).map(([path, content]) => [path, Buffer.from(content).toString()]),
    );
    expect(`${told}${JSON.stringify(files)}`).not.toContain(HOST_SECRET);
    return { result, reports: result.outputs, files };
  } finally {
    rmSync(hostFolder, { recursive: true, force: true });
  }
}
