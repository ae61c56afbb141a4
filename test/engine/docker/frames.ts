/** Building multiplexed frames, and cutting bytes up, for the adapter's tests. */
export const frame = (type: number, payload: Uint8Array | string, claimed?: number): Buffer => {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(claimed ?? body.length, 4);
  return Buffer.concat([header, body]);
};

export const inPieces = async function* (bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

export const collect = async (
  output: AsyncIterable<{ readonly stream: string; readonly bytes: Uint8Array }>,
): Promise<{ stdout: Buffer; stderr: Buffer }> => {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for await (const { stream, bytes } of output) parts[stream === 'stderr' ? 'stderr' : 'stdout'].push(bytes);
  return { stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr) };
};
