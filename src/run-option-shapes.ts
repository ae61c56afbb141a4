/** What options of a run are checked with besides the general: what streams and storages can do, and what content is. Pure. */
import { canDo, type Check, isObject, problemsOf, within } from './base/shapes.js';

/** Whether it is something bytes can be written to: a `Writable` or a `WritableStream`. */
export const isSink = (value: unknown): boolean =>
  canDo(value, ['getWriter']) || canDo(value, ['write', 'on']);

/** Whether it has what every storage adapter has. */
export const isStorage = (value: unknown): boolean => canDo(value, ['stat', 'list', 'read', 'write']);

const CONTENT = 'must be text, bytes, a stream of bytes or { path }';

function isContent(value: unknown): boolean {
  if (typeof value === 'string' || value instanceof Uint8Array) return true;
  if (!isObject(value)) return false;
  return Symbol.asyncIterator in value || (typeof value['path'] === 'string' && value['path'] !== '');
}

/** Content; `mayBeWrapped`: also with the permission to run it. */
export function toContentCheck({ mayBeWrapped }: { readonly mayBeWrapped: boolean }): Check {
  return (value) => {
    if (!mayBeWrapped || !isObject(value) || !('content' in value))
      return problemsOf(!isContent(value), CONTENT);
    return [
      ...within('content', problemsOf(!isContent(value['content']), CONTENT)),
      ...within(
        'executable',
        problemsOf(!['boolean', 'undefined'].includes(typeof value['executable']), 'must be true or false'),
      ),
    ];
  };
}
