/** What `berthkit/testing` exports: an engine for tests without Docker, and the suites an engine, a storage or a run store has to pass. */
export { type FakeCall, type FakeEngine, fakeEngine } from './fake-engine.js';
export type * from './fake-script.js';
export type { ConformanceCase, ConformanceOptions } from './conformance-case.js';
export { conformancePrograms } from './conformance-programs.js';
export { engineConformance } from './engine-conformance.js';
export type { EngineUnderTest } from './engine-trial.js';
export { runStoreConformance } from './run-store-conformance.js';
export type { RunStoreUnderTest } from './run-store-trial.js';
export { storageConformance } from './storage-conformance.js';
export type { StorageUnderTest } from './storage-trial.js';
