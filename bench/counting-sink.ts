/** A sink that counts and forgets, for logs whose bytes only have to come through. */
import { Writable } from 'node:stream';

/** A sink that keeps up with everything. */
export interface CountingSink {
  readonly writable: Writable;
  /** Bytes so far. */
  count(): number;
}

/** A fresh one; a sink belongs to one run. */
export function createCountingSink(): CountingSink {
  let count = 0;
  const writable = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      count += chunk.length;
      done();
    },
  });
  return { writable, count: () => count };
}
