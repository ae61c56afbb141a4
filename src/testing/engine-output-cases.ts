/** Cases about the streams of a container: what it writes, what it reads, and that nothing is lost between. */
import { check, checkEqual, checkRejects, type CaseOf } from './conformance-case.js';
import { floodText, MANY, ODD_BYTES, PROGRAMS } from './conformance-programs.js';
import { engineCase, type EngineTrial } from './engine-trial.js';

const { cat, firstAndLast, flood, many, oddBytes, silent, sleeps, streams } = PROGRAMS;
const ROUNDS = 10;
const MEBIBYTE = 1024 * 1024;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Too long to show where it differs. */
const checkSame = (actual: Uint8Array, expected: Uint8Array, what: string): void => {
  const same = Buffer.compare(actual, expected) === 0;
  check(same, `${what}: ${actual.length} bytes arrived, not the ${expected.length} that were written`);
};

const feed = async (trial: EngineTrial, script: string, input: Uint8Array): Promise<Buffer> => {
  const begun = await trial.begin(script, { stdin: true });
  const { stdin } = begun.attachment;
  check(stdin !== null, 'attach: no standard input, though it was asked for');
  for (let at = 0; at < input.length; at += 65_536) {
    await trial.within('writing', stdin.write(input.subarray(at, at + 65_536)));
  }
  await trial.within('half-closing', stdin.end());
  return (await trial.end(begun)).stdout;
};

/** The cases. */
export const OUTPUT_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('the first and the last byte of a short run arrive, every time', async (trial) => {
    const lines = Array.from({ length: 200 }, (_, index) => `${index + 1}\n`).join('');
    for (let round = 0; round < ROUNDS; round += 1) {
      const { stdout } = await trial.run(firstAndLast.script);
      checkEqual(text(stdout), `first\n${lines}last`, 'standard output');
    }
  }),
  engineCase('standard output and standard error arrive apart', async (trial) => {
    const { stdout, stderr } = await trial.run(streams.script);
    const both = text(stdout) + text(stderr);
    if (trial.engine.capabilities.separateStreams) {
      checkEqual([text(stdout), text(stderr)], ['out\n', 'err\n'], 'standard output and standard error');
    } else check(both.includes('out\n') && both.includes('err\n'), `output: ${both}`);
  }),
  engineCase('bytes arrive exactly', async (trial) => {
    checkSame((await trial.run(oddBytes.script)).stdout, ODD_BYTES, 'odd bytes');
  }),
  engineCase('each stream keeps its order', async (trial) => {
    const { stdout, stderr } = await trial.run(many.script);
    checkSame(stdout, Buffer.from(MANY.stdout), 'standard output');
    checkSame(stderr, Buffer.from(MANY.stderr), 'standard error');
  }),
  engineCase('a container without output has none', async (trial) => {
    const { stdout, stderr } = await trial.run(silent.script);
    checkEqual([stdout.length, stderr.length], [0, 0], 'bytes of output');
  }),
  engineCase('output that nobody reads holds the container back and is not lost', async (trial) => {
    const begun = await trial.begin(flood.script, {}, { read: false });
    await trial.pause();
    await trial.pause();
    checkEqual((await trial.inspect(begun.id)).status, 'running', 'status while nobody reads');
    await trial.within('reading', begun.output.done());
    checkSame((await trial.end(begun)).stdout, Buffer.from(floodText()), 'standard output');
  }),
  engineCase('closing an attachment ends its output and does not touch the container', async (trial) => {
    const begun = await trial.begin(sleeps.script);
    await trial.within('the first output', begun.output.until('ready'));
    begun.attachment.close();
    begun.attachment.close();
    await trial.within('the end of the output', begun.output.done());
    checkEqual((await trial.inspect(begun.id)).status, 'running', 'status');
  }),
  engineCase('without standard input an attachment has none', async (trial) => {
    checkEqual((await trial.begin(silent.script)).attachment.stdin, null, 'stdin');
  }),
  engineCase('standard input arrives exactly, is half-closed, and output still comes', async (trial) => {
    const stdout = await feed(trial, cat.script, ODD_BYTES);
    checkSame(stdout, Buffer.concat([ODD_BYTES, Buffer.from('done\n')]), 'what came back');
  }),
  engineCase('nothing but what was written arrives on standard input', async (trial) => {
    checkEqual(text(await feed(trial, cat.script, new Uint8Array())), 'done\n', 'what came back');
  }),
  engineCase('a mebibyte goes in and comes back', async (trial) => {
    const input = Buffer.from(Uint8Array.from({ length: MEBIBYTE }, (_, index) => (index * 31) % 251));
    const stdout = await feed(trial, cat.script, input);
    checkSame(stdout, Buffer.concat([input, Buffer.from('done\n')]), 'what came back');
  }),
  engineCase(
    'standard input rejects once the container no longer reads, and its output is complete',
    async (trial) => {
      const begun = await trial.begin(streams.script, { stdin: true });
      const { stdin } = begun.attachment;
      check(stdin !== null, 'attach: no standard input, though it was asked for');
      await trial.within('wait', begun.waiting);
      const chunk = new Uint8Array(65_536);
      // What still fits on its way may be accepted, but not for ever.
      const writing = async (): Promise<void> => {
        for (let count = 0; count < 1024; count += 1) await stdin.write(chunk);
      };
      const failed = trial.within('writing to a container that ended', writing());
      await checkRejects(failed, ['engine.failed'], 'writing to a container that ended');
      checkEqual(text((await trial.end(begun)).stdout), 'out\n', 'standard output');
    },
  ),
];
