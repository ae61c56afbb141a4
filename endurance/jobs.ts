/** The short jobs: one of each kind in turn, each with the end it has to come to. */
import { type JobDefinition, memoryStorage, type RunHandle, type RunOptions, type Runtime } from 'berthkit';

const IMAGE = 'busybox:1';

/** One kind of run. */
interface Kind {
  readonly docker: Omit<JobDefinition['docker'], 'image'>;
  readonly image?: string;
  readonly options?: RunOptions;
  /** The reason of the result, or the code of the error. */
  readonly end: string;
  readonly isCancelled?: boolean;
}

const sh = (script: string): Pick<Kind['docker'], 'command'> => ({ command: ['sh', '-c', script] });

const KINDS: readonly Kind[] = [
  { docker: sh('true'), end: 'completed' },
  {
    docker: {
      ...sh('cat "$TOKEN" in.txt > out.txt; echo done'),
      workingDirectory: '/workspace',
      environment: { TOKEN: { secret: { source: 'store', key: 'token' }, as: 'file' } },
      outputs: [{ workspacePath: 'out.txt', upload: 'caller' }],
    },
    options: { secrets: { token: 'hunter2-hunter2' }, files: { 'in.txt': 'one two three' } },
    end: 'completed',
  },
  { docker: { ...sh('cat; exit 3'), stdin: 'text' }, end: 'non_zero_exit' },
  { docker: sh('sleep 600'), end: 'cancelled', isCancelled: true },
  { docker: sh('true'), image: 'forbidden:1', end: 'policy.denied' },
  {
    docker: { ...sh('true'), outputs: [{ workspacePath: 'absent.txt', upload: 'caller' }] },
    end: 'output_missing',
  },
];

/** Performs a run of the kind whose turn it is. Throws if it ends otherwise than it has to. */
export async function performShortRun(runtime: Runtime, turn: number, signal: AbortSignal): Promise<void> {
  const kind = KINDS[turn % KINDS.length];
  if (kind === undefined) return;
  const { docker, image = IMAGE, options = {}, end, isCancelled = false } = kind;
  const handle: RunHandle = runtime.startJob(
    { slug: 'short', docker: { image, ...docker } },
    {
      ...options,
      idempotencyKey: `turn-${String(turn)}`,
      signal,
      outputTo: memoryStorage(),
      onEvent: (event) => {
        if (isCancelled && event.type === 'container_started') handle.cancel();
      },
    },
  );
  const came = await handle.result.then(
    ({ reason }) => reason as string,
    (error: unknown) => String((error as { readonly code?: string }).code),
  );
  if (came !== end) throw new Error(`run ${String(turn)} ended with ${came}, not with ${end}`);
}
