/** What tests of many runs share: a runtime on the fake engine whose jobs wait at a gate until the test lets them go. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRuntime,
  type JobDefinition,
  type RunEvent,
  type Runtime,
  type RuntimeConfigInput,
  type RuntimePorts,
} from 'berthkit';
import { fakeEngine, type FakeEngine, type FakeEngineScript } from 'berthkit/testing';
import { expect, vi } from 'vitest';
import { afterEveryTest } from './each-test.js';

/** Jobs by name: which began, in which order, and a way to end them. */
interface Gate {
  /** Names in the order their containers started. */
  readonly begun: readonly string[];
  /** Most that ran at one time. */
  readonly most: number;
  /** Ends a job that runs, or the next of that name. */
  open(name: string): void;
  /** Ends every job from now on as soon as it begins, and those that run. */
  openAll(): void;
  /** Resolves when that many have begun. */
  reached(count: number): Promise<void>;
}

/** A runtime of a test. */
export interface Many {
  readonly runtime: Runtime;
  readonly engine: FakeEngine;
  readonly gate: Gate;
  readonly events: RunEvent[];
  /** Names of the jobs containers were made for, in order. */
  created(): readonly string[];
}

const endings: (() => Promise<void>)[] = [];
afterEveryTest(async () => {
  for (const end of endings.splice(0)) await end();
});

/** A job that waits at the gate under its name. */
export const job = (name: string): JobDefinition => ({
  slug: name,
  docker: { image: 'busybox:1', command: [name] },
});

/** A runtime with gated jobs; when the test is over it must have left nothing behind. */
export async function many(
  config: RuntimeConfigInput = {},
  parts: { readonly script?: FakeEngineScript; readonly ports?: RuntimePorts } = {},
): Promise<Many> {
  const folder = await mkdtemp(join(tmpdir(), 'berthkit-many-'));
  const workspaceRoot = join(folder, 'root');
  const { gate, run } = createGate();
  const engine = fakeEngine({ run, ...parts.script });
  const events: RunEvent[] = [];
  const runtime = createRuntime(
    { workspaceRoot, stopGraceMs: 1_000, ...config },
    { engine, onEvent: (event) => events.push(event), ...parts.ports },
  );
  endings.push(async () => {
    gate.openAll();
    await runtime.close();
    try {
      expect(engine.leftovers()).toEqual([]);
      expect(engine.protocolErrors).toEqual([]);
      expect(await readdir(workspaceRoot).catch(() => [])).toEqual([]);
      const ended = events.filter(({ type }) => type === 'run_end').map(({ runId }) => runId);
      expect(new Set(ended).size).toBe(ended.length);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  // Slugs of these tests have no hyphens.
  const created = (): readonly string[] =>
    engine.calls
      .filter(({ call }) => call === 'containers.create')
      .map(({ target }) => target?.split('-')[1] ?? '');
  return { runtime, engine, gate, events, created };
}

function createGate(): { readonly gate: Gate; readonly run: NonNullable<FakeEngineScript['run']> } {
  const begun: string[] = [];
  const waiting = new Map<string, () => void>();
  const opened = new Set<string>();
  let isOpen = false;
  let running = 0;
  let most = 0;
  return {
    gate: {
      begun,
      get most() {
        return most;
      },
      open(name) {
        const release = waiting.get(name);
        if (release === undefined) opened.add(name);
        else release();
      },
      openAll() {
        isOpen = true;
        for (const release of waiting.values()) release();
      },
      reached: async (count) => vi.waitFor(() => expect(begun.length).toBeGreaterThanOrEqual(count), WAIT),
    },
    run: async (fakeJob) => {
      const name = fakeJob.spec.labels['berthkit.job'] ?? '';
      begun.push(name);
      running += 1;
      most = Math.max(most, running);
      const released = new Promise<void>((resolve) => {
        if (isOpen || opened.delete(name)) resolve();
        else waiting.set(name, resolve);
      });
      try {
        await Promise.race([released, fakeJob.sleepUntilKilled()]);
        return { exitCode: 0 };
      } finally {
        waiting.delete(name);
        running -= 1;
      }
    },
  };
}

/** Bounds every wait of these tests; a loaded machine needs less. */
export const WAIT = { timeout: 30_000, interval: 5 } as const;
