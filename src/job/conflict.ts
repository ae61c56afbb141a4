/** How is said that two parts of a definition, each right by itself, do not fit together. */
import type { Issue } from '../errors.js';

/** The issue of one of them. */
export function conflict(path: string, message: string): Issue {
  return { code: 'validation.conflict', path, message };
}
