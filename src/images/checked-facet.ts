/** `runtime.images` whose calls look at what they are given before they do anything. What they do is the facet's. */
import { requireUsableCall } from './call-checks.js';
import type { RuntimeImages } from './image-calls.js';

/** Checks what every call of a facet is given. */
export function checked(facet: RuntimeImages): RuntimeImages {
  return {
    list: async (options) => {
      requireUsableCall('list', {}, options);
      return facet.list(options);
    },
    inspect: async (reference, options) => {
      requireUsableCall('inspect', { reference }, options);
      return facet.inspect(reference, options);
    },
    pull: async (reference, options) => {
      requireUsableCall('pull', { reference }, options);
      return facet.pull(reference, options);
    },
    tag: async (reference, target, options) => {
      requireUsableCall('tag', { reference, target }, options);
      return facet.tag(reference, target, options);
    },
    push: async (reference, options) => {
      requireUsableCall('push', { reference }, options);
      return facet.push(reference, options);
    },
    history: async (reference, options) => {
      requireUsableCall('history', { reference }, options);
      return facet.history(reference, options);
    },
    export: async (reference, options) => {
      requireUsableCall('export', { reference }, options);
      return facet.export(reference, options);
    },
    import: async (tar, options) => {
      requireUsableCall('import', { tar }, options);
      return facet.import(tar, options);
    },
    resolveDigest: async (reference, options) => {
      requireUsableCall('resolveDigest', { reference }, options);
      return facet.resolveDigest(reference, options);
    },
    gc: async (options) => {
      requireUsableCall('gc', {}, options);
      return facet.gc(options);
    },
    build: async (request, options) => {
      requireUsableCall('build', {}, options);
      return facet.build(request, options);
    },
    remove: async (reference, options) => {
      requireUsableCall('remove', { reference }, options);
      return facet.remove(reference, options);
    },
  };
}
