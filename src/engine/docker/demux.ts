/** Takes an attached stream of frames apart. A plain state machine over chunks of bytes; it opens and closes nothing. */
import { EngineError } from '../../errors.js';
import type { OutputChunk } from '../types.js';

const HEADER_BYTES = 8;

/** A frame that claims more is a broken stream: engines send at most a few ten thousand bytes per frame. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

const broken = (why: string, details: Readonly<Record<string, unknown>>): EngineError =>
  new EngineError('engine.failed', `The container's output stream is broken: ${why}.`, { details });

interface Frame {
  readonly stream: OutputChunk['stream'];
  readonly length: number;
}

/** Four bytes of type (only the first is used), then the length, big-endian (Engine API, "Stream format"). */
const parseHeader = (header: Uint8Array): Frame => {
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  const type = view.getUint8(0);
  const length = view.getUint32(4);
  // 0 is standard input written back, which belongs to standard output; 3 is an error of the engine itself.
  if (type > 2 || (view.getUint32(0) & 0xffffff) !== 0) {
    throw broken(`frame of unknown type ${type}`, { problem: 'unknown_frame' });
  }
  if (length > MAX_FRAME_BYTES) {
    throw broken(`frame of ${length} bytes, at most ${MAX_FRAME_BYTES} are allowed`, {
      problem: 'frame_too_long',
    });
  }
  return { stream: type === 2 ? 'stderr' : 'stdout', length };
};

/**
 * Yields the pieces of output in the order they arrived, as views of the bytes read: nothing is copied and nothing is read ahead,
 * so a reader that stops holds the container back. A frame may come in several pieces, and a chunk may hold thousands of frames.
 * @throws `engine.failed` for an unknown or overlong frame, or when the stream ends inside one (`details.problem`).
 */
export async function* demux(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<OutputChunk, void, undefined> {
  const header = new Uint8Array(HEADER_BYTES);
  let headerBytes = 0;
  let stream: OutputChunk['stream'] = 'stdout';
  let left = 0;
  for await (const chunk of source) {
    let position = 0;
    while (position < chunk.length) {
      if (left > 0) {
        const bytes = chunk.subarray(position, position + left);
        position += bytes.length;
        left -= bytes.length;
        yield { stream, bytes };
        continue;
      }
      const part = chunk.subarray(position, position + HEADER_BYTES - headerBytes);
      header.set(part, headerBytes);
      position += part.length;
      headerBytes += part.length;
      if (headerBytes === HEADER_BYTES) {
        ({ stream, length: left } = parseHeader(header));
        headerBytes = 0;
      }
    }
  }
  if (headerBytes > 0 || left > 0) {
    throw broken('it was truncated inside a frame', { problem: 'truncated', missingBytes: left });
  }
}
