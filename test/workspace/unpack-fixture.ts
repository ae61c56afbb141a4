/** Tars of any entries, and their unpacking into a folder that is gone after the test. It asserts nothing. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { onTestFinished } from 'vitest';
import { openDirectory } from '../../src/host/node.js';
import { createOutputAccount } from '../../src/workspace/output-account.js';
import { type Unpacked, unpackTar, type UnpackOptions } from '../../src/workspace/unpack-tar.js';
import { noSignal, scratch } from '../host/scratch.js';

type Header = Parameters<ReturnType<typeof pack>['entry']>[0];

/** An entry as the packer takes it. */
export type Entry = readonly [header: Header, text?: string];

/** The root of the tars here. */
export const dir: Entry = [{ name: 'out/', type: 'directory' }];

/** All bytes of a tar. */
export async function bytesOf(tar: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of tar) parts.push(part);
  return Buffer.concat(parts);
}

/** The tar of some entries, also of those no engine makes. */
export async function tarOf(...entries: readonly Entry[]): Promise<Buffer> {
  const writer = pack();
  for (const [header, text] of entries) writer.entry(header, text ?? '');
  writer.finalize();
  return bytesOf(writer as AsyncIterable<Uint8Array>);
}

/** Makes the checksum of a header right again after a change in it. */
export function checkSummed(header: Buffer): void {
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** Begins to unpack into the folder at `path`. */
export async function unpack(
  tar: Uint8Array | AsyncIterable<Uint8Array>,
  more: Partial<UnpackOptions> = {},
): Promise<{ readonly path: string; readonly unpacking: Promise<Unpacked> }> {
  const path = join(await scratch(), 'inner');
  mkdirSync(path);
  const { handle: folder } = await openDirectory(path);
  onTestFinished(() => folder.close());
  const account = createOutputAccount({ bytes: 1_000_000, entries: 100 }, { fileBytes: 1_000_000 });
  const unpacking = unpackTar(tar instanceof Uint8Array ? inChunks(tar, 1000) : tar, {
    ...{ folder, names: ['out'], rootName: 'out', glob: null, isOurs: () => false, account, maxDepth: 8 },
    signal: noSignal(),
    ...more,
  });
  // Looked at by the test.
  unpacking.catch(() => undefined);
  return { path, unpacking };
}
