/** Cases about images beside pulling them. An engine that lacks one of these calls passes its case: whoever needs it is told so. No registry is needed. */
import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '../error-codes.js';
import { JobRuntimeError } from '../errors.js';
import { check, checkEqual, checkRejects, rejection, type CaseOf } from './conformance-case.js';
import { PROGRAMS } from './conformance-programs.js';
import { engineCase, type EngineTrial } from './engine-trial.js';

/** A name that nobody has, at a registry that is nowhere: nothing listens on port 1. */
const newName = (): string => `127.0.0.1:1/berthkit-conformance/${randomUUID()}:1`;

const bytesOf = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
};

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536)
    yield await Promise.resolve(bytes.subarray(at, at + 65_536));
}

/** Gives the image another name for as long as the work takes. */
async function named(
  { engine: { images }, reference, within }: EngineTrial,
  work: (name: string) => Promise<void>,
): Promise<void> {
  const name = newName();
  if (images.tag === undefined || images.remove === undefined) return;
  await within('images.tag', images.tag(reference, name));
  try {
    await work(name);
  } finally {
    await within('images.remove', images.remove(name));
  }
}

/** The cases. */
export const IMAGE_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('another name is of the same image, and goes without it', async (trial) => {
    const { engine, imageId, within } = trial;
    const { images } = engine;
    let given = '';
    await named(trial, async (name) => {
      given = name;
      checkEqual(
        (await within('images.inspect', images.inspect(name)))?.id,
        imageId,
        'the image by its new name',
      );
      if (images.list === undefined) return;
      const listed = await within('images.list', images.list());
      const tags = listed.find(({ id }) => id === imageId)?.repoTags ?? [];
      check(
        tags.includes(name),
        `images.list: ${name} is not among the names of its image: ${tags.join(', ')}`,
      );
    });
    if (given === '' || images.remove === undefined) return;
    checkEqual(await within('images.inspect', images.inspect(given)), null, 'the image by a name taken away');
    check(
      (await within('images.inspect', images.inspect(imageId))) !== null,
      'the image went with one of its names',
    );
    // Not there is success.
    await within('images.remove', images.remove(given));
  }),
  engineCase(
    'an image a container was made of, and that has several names, does not go by its id',
    async (trial) => {
      const { engine, imageId, within } = trial;
      await trial.create(PROGRAMS.silent.script);
      await named(trial, async () => {
        const { images } = engine;
        if (images.remove === undefined) return;
        await checkRejects(
          within('images.remove', images.remove(imageId)),
          ['engine.conflict'],
          'images.remove',
        );
        check((await within('images.inspect', engine.images.inspect(imageId))) !== null, 'the image is gone');
      });
    },
  ),
  engineCase(
    'an image that is not there has no history, no other name and no way out',
    async ({ engine, within }) => {
      const { images } = engine;
      const calls: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
        'images.history': () => images.history?.(newName()),
        'images.tag': () => images.tag?.(newName(), newName()),
        'images.export': () => images.export?.(newName()),
        'images.push': () => images.push?.(newName()),
      };
      for (const [what, begin] of Object.entries(calls)) {
        const call = begin();
        if (call !== undefined) await checkRejects(within(what, call), ['engine.image_not_found'], what);
      }
    },
  ),
  engineCase(
    'the history of an image is its steps with what each added',
    async ({ engine, reference, within }) => {
      if (engine.images.history === undefined) return;
      const steps = await within('images.history', engine.images.history(reference));
      check(steps.length > 0, 'images.history: there are no steps');
      check(
        steps.every(({ sizeBytes }) => Number.isInteger(sizeBytes) && sizeBytes >= 0),
        'images.history: a size is missing',
      );
    },
  ),
  engineCase('an image that was sent out comes back, with its name and its id', async (trial) => {
    const { engine, imageId, within } = trial;
    const { images } = engine;
    if (images.export === undefined || images.import === undefined) return;
    let tar: Buffer = Buffer.alloc(0);
    let sent = '';
    await named(trial, async (name) => {
      sent = name;
      const chunks = await within(
        'images.export',
        images.export?.(name) ?? Promise.reject(new Error('gone')),
      );
      tar = await within('the end of the export', bytesOf(chunks));
    });
    if (sent === '') return;
    try {
      const names = await within('images.import', images.import(inPieces(tar)));
      check(
        names.includes(sent),
        `images.import: ${sent} is not among ${names.join(', ') || 'what it says'}`,
      );
      checkEqual(
        (await within('images.inspect', images.inspect(sent)))?.id,
        imageId,
        'the image that came back',
      );
    } finally {
      await within('images.remove', images.remove?.(sent) ?? Promise.resolve());
    }
  }),
  engineCase(
    'taking in what is no image fails, and a source that fails is what it fails by',
    async (trial) => {
      const { images } = trial.engine;
      if (images.import === undefined) return;
      const rubbish = trial.within('images.import', images.import(inPieces(Buffer.alloc(100_000, 'x'))));
      check(
        JobRuntimeError.isInstance(await rejection(rubbish, 'images.import')),
        'images.import: no typed error',
      );
      const mine = new Error('mine');
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(1000);
        await Promise.reject(mine);
      }
      const broken = trial.within('images.import', images.import(failing()));
      checkEqual(await rejection(broken, 'images.import'), mine, 'what a failing source comes to');
    },
  ),
  engineCase('what no registry takes or has is an error of kind image', async (trial) => {
    const { images } = trial.engine;
    const kindOf = async (what: string, work: Promise<unknown>, alsoAllowed?: ErrorCode): Promise<void> => {
      const error = await rejection(trial.within(what, work), what);
      if (JobRuntimeError.isInstance(error) && error.code === alsoAllowed) return;
      checkEqual(
        JobRuntimeError.isInstance(error) ? error.kind : 'foreign',
        'image',
        `the kind of ${String(error)}`,
      );
    };
    if (images.resolveDigest !== undefined)
      // One that learns digests only by pulling says so of every image.
      await kindOf('images.resolveDigest', images.resolveDigest(newName()), 'engine.unsupported');
    await named(trial, async (name) => {
      if (images.push !== undefined) await kindOf('images.push', images.push(name));
    });
  }),
];
