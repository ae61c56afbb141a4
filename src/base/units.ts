/** The readers of sizes, durations and booleans in one place. It holds no code of its own. */
export { parseBoolean } from './boolean-text.js';
export { formatBytes, parseByteSize } from './byte-size.js';
export { parseDuration } from './duration.js';
export type { Parsed } from './parsed.js';
