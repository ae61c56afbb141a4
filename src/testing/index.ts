/** What `berthkit/testing` exports: an engine for tests without Docker. */
export { type FakeCall, type FakeEngine, fakeEngine } from './fake-engine.js';
export type * from './fake-script.js';
