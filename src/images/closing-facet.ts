/** `runtime.images` whose calls end with the runtime. What they do is the facet's. */
import type { RuntimeImages } from './image-calls.js';
import type { OpenCalls } from './open-calls.js';

/** Gives every call of a facet a signal that ends with the runtime. */
export function endingWith(calls: OpenCalls, facet: RuntimeImages): RuntimeImages {
  return {
    list: async (options) => calls.during(options, async (all) => facet.list(all)),
    inspect: async (reference, options) =>
      calls.during(options, async (all) => facet.inspect(reference, all)),
    pull: async (reference, options) => calls.during(options, async (all) => facet.pull(reference, all)),
    tag: async (reference, target, options) =>
      calls.during(options, async (all) => facet.tag(reference, target, all)),
    push: async (reference, options) => calls.during(options, async (all) => facet.push(reference, all)),
    history: async (reference, options) =>
      calls.during(options, async (all) => facet.history(reference, all)),
    export: async (reference, options) =>
      calls.streaming(options, async (all) => facet.export(reference, all)),
    import: async (tar, options) => calls.during(options, async (all) => facet.import(tar, all)),
    resolveDigest: async (reference, options) =>
      calls.during(options, async (all) => facet.resolveDigest(reference, all)),
    gc: async (options) => calls.during(options, async (all) => facet.gc(all)),
    build: async (request, options) => calls.during(options, async (all) => facet.build(request, all)),
    remove: async (reference, options) => calls.during(options, async (all) => facet.remove(reference, all)),
  };
}
