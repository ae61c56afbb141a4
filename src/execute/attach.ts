/** Attaches to a container within the time of a call. It listens to nothing. */
import type { Attachment, ContainerEngine } from '../engine/types.js';
import { engineCall } from './engine-call.js';

/** An attachment that arrives when nobody waits for it any more is closed, or its connection would stay open for good. */
export async function attachInTime(
  engine: ContainerEngine,
  id: string,
  { stdin, signal }: { readonly stdin: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Attachment> {
  return engineCall('attach', signal, async (callSignal) => {
    const attachment = await engine.containers.attach(id, { stdin, signal: callSignal });
    if (callSignal.aborted) attachment.close();
    return attachment;
  });
}
