/** What befell the containers of a fake engine, as it remembers it. */
import type { EngineEvent } from '../engine/types.js';

/** The memory of one engine. */
export interface FakeEvents {
  add(containerId: string, event: EngineEvent): void;
  /** What is remembered now, in order. */
  read(containerId: string): readonly EngineEvent[];
  /** As after a restart. */
  forget(): void;
}

/** Nothing has happened yet. */
export function createFakeEvents(): FakeEvents {
  let past: readonly { readonly containerId: string; readonly event: EngineEvent }[] = [];
  return {
    add(containerId, event) {
      past = [...past, { containerId, event }];
    },
    read: (containerId) => past.filter((each) => each.containerId === containerId).map(({ event }) => event),
    forget() {
      past = [];
    },
  };
}
