/**
 * Node's cryptography, loaded when it is first needed: that takes as long as the code of a fifth of this package, and whoever imports it to
 * validate and to judge needs none of it. Not an import, which would not wait.
 */
import { lazy } from './lazy.js';

/** The module `node:crypto`. */
export const nodeCrypto = lazy(() => globalThis.process.getBuiltinModule('node:crypto'));
