/** A folder of this host as the context of a build: what `.dockerignore` leaves, as a tar. Links are sent as links and never followed. */
import { readlink } from 'node:fs/promises';
import type { Pack } from 'tar-stream';
import { readContent } from '../host/file-content.js';
import {
  childPath,
  errorCode,
  type NodeName,
  openBeneath,
  openChild,
  openContent,
  openDirectory,
  type OpenNode,
} from '../host/node.js';
import { walk, type WalkEntry } from '../host/walk.js';
import { type IgnoreRules, readDockerIgnore } from './docker-ignore.js';
import {
  type ContextAccount,
  type ContextOptions,
  createContextAccount,
  type EntryHeader,
  notAFile,
  packed,
  putEntry,
  rejected,
  wholeDockerfile,
} from './tar-context.js';

const IGNORE_FILE = '.dockerignore';
const MAX_DEPTH = 255;

/**
 * The Dockerfile and `.dockerignore` are always sent, as Docker's client does.
 *
 * @throws `image.context_rejected`, `image.context_too_large`; what `onDockerfile` throws.
 */
export function folderContext(path: string, options: ContextOptions): AsyncGenerator<Uint8Array> {
  return packed(async (pack) => {
    const root = await openRoot(path);
    try {
      const dockerfile = await readWhole(root, options.dockerfile, options.signal);
      if (dockerfile === null) throw rejected(`there is no ${options.dockerfile} in it`);
      await options.onDockerfile(dockerfile);
      await sendTree(pack, root, await rulesOf(root, options), options);
    } finally {
      await root.handle.close();
    }
  });
}

async function openRoot(path: string): Promise<OpenNode> {
  try {
    return await openDirectory(path);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw rejected(`${path} is no folder that can be read, but ${String(errorCode(error))}`, error);
  }
}

async function rulesOf(root: OpenNode, { dockerfile, signal }: ContextOptions): Promise<IgnoreRules> {
  const read = readDockerIgnore((await readWhole(root, IGNORE_FILE, signal)) ?? '', [
    IGNORE_FILE,
    dockerfile,
  ]);
  if (!read.ok) throw rejected(read.problem);
  return read.rules;
}

/** Null where there is none. @throws `image.context_rejected` for what is not a file itself. */
async function readWhole(root: OpenNode, path: string, signal: AbortSignal): Promise<string | null> {
  const { node, blockedBy } = await openBeneath(root.handle, path.split('/'));
  if (blockedBy !== null) throw notAFile(path);
  if (node === null) return null;
  try {
    if (node.facts.type !== 'file') throw notAFile(path);
    const content = await openContent(node);
    try {
      return (await wholeDockerfile(readContent(content, { signal }), node.facts.sizeBytes)).toString('utf8');
    } finally {
      await content.close();
    }
  } finally {
    await node.handle.close();
  }
}

async function sendTree(
  pack: Pack,
  root: OpenNode,
  rules: IgnoreRules,
  options: ContextOptions,
): Promise<void> {
  const account = createContextAccount(options);
  const entries = walk(root.handle, {
    // What is sent is bounded, not what is passed over.
    maxEntries: Number.MAX_SAFE_INTEGER,
    maxDepth: MAX_DEPTH,
    signal: options.signal,
    enters: (entry) => {
      const path = pathOf(entry);
      return !rules.isIgnored(path) || rules.mayHoldExceptions(path);
    },
  });
  for await (const entry of entries) {
    const path = pathOf(entry);
    if (!rules.isIgnored(path)) await sendEntry(pack, entry, path, { account, signal: options.signal });
  }
}

function pathOf({ names }: WalkEntry): string {
  const bytes = names.map((name) => name.toString('utf8'));
  // Docker would send other bytes than there are.
  if (names.some((name, index) => !name.equals(Buffer.from(bytes[index] ?? '', 'utf8'))))
    throw rejected(`the name ${JSON.stringify(bytes.join('/'))} in it is not valid UTF-8`);
  return bytes.join('/');
}

async function sendEntry(
  pack: Pack,
  { names, facts, parent }: WalkEntry,
  path: string,
  { account, signal }: { readonly account: ContextAccount; readonly signal: AbortSignal },
): Promise<void> {
  // Of root, as Docker sends it: who builds is nobody in the image.
  const header = {
    name: path,
    mode: facts.mode,
    uid: 0,
    gid: 0,
    mtime: new Date(Number(facts.changedNs / 1_000_000n)),
  };
  const name = names.at(-1) ?? '';
  switch (facts.type) {
    case 'directory':
      account.add(0);
      return putEntry(pack, { ...header, type: 'directory' }, null);
    case 'symlink':
      account.add(0);
      return putEntry(
        pack,
        { ...header, type: 'symlink', linkname: await readlink(childPath(parent, name)) },
        null,
      );
    case 'file':
      return sendFile(pack, { parent, name, header }, { account, signal });
    default:
      throw rejected(`${JSON.stringify(path)} is a ${facts.type}; leave it out by ${IGNORE_FILE}`);
  }
}

/** As long as it is when it is opened, or not at all. */
async function sendFile(
  pack: Pack,
  {
    parent,
    name,
    header,
  }: Pick<WalkEntry, 'parent'> & { readonly name: NodeName; readonly header: EntryHeader },
  { account, signal }: { readonly account: ContextAccount; readonly signal: AbortSignal },
): Promise<void> {
  const node = await openChild(parent, name);
  try {
    const content = await openContent(node);
    try {
      const { sizeBytes } = node.facts;
      account.add(sizeBytes);
      const { mtime } = await content.stat();
      const bytes = exactly(readContent(content, { signal, sizeBytes }), sizeBytes, header.name);
      await putEntry(pack, { ...header, mtime, size: sizeBytes, type: 'file' }, bytes);
    } finally {
      await content.close();
    }
  } finally {
    await node.handle.close();
  }
}

/** A tar says how long a file is before its content. */
async function* exactly(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  path: string,
): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  for await (const chunk of source) {
    left -= chunk.byteLength;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw rejected(`${JSON.stringify(path)} changed while it was read`);
}
