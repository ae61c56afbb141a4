/** What the calls of a runtime may be told, checked before they do anything: a misspelt option must not mean its default. Pure. */
import { type Check, fits, only } from './base/shapes.js';
import type { DoctorOptions } from './doctor/report.js';
import { toIssue } from './run-option-checks.js';
import { MAX_BY_CHARS, MAX_REASON_CHARS } from './run-cancel-request.js';
import type { CancelRunOptions } from './runtime-cancels.js';
import type { Runtime } from './runtime-contract.js';
import { unusable } from './runtime-refusals.js';

/** The longest that anybody can be made to wait for the end of a run. */
const MAX_WAIT_MS = 86_400_000;

/** Every option of a call: a new one without a check does not compile. */
type ChecksOf<Options> = Readonly<Record<keyof NonNullable<Options>, Check>>;
type FirstOf<Call extends (...all: never[]) => unknown> = Parameters<Call>[0];

const isNumberFrom0 = (value: unknown, most = Number.POSITIVE_INFINITY): boolean =>
  typeof value === 'number' && value >= 0 && value <= most;
const yesOrNo = fits((value) => typeof value === 'boolean', 'must be true or false');
const text = fits((value) => typeof value === 'string', 'must be text');
const textUpTo = (most: number): Check =>
  fits(
    (value) => typeof value === 'string' && value.length <= most,
    `must be text of at most ${String(most)} characters`,
  );

const CHECKS = {
  close: {
    drainMs: fits((value) => isNumberFrom0(value), 'must be a number of milliseconds, 0 or more'),
  } satisfies ChecksOf<FirstOf<Runtime['close']>>,
  cancelAll: {
    // What is wrong with a filter says whoever reads it.
    filter: () => [],
    reason: text,
  } satisfies ChecksOf<FirstOf<Runtime['cancelAll']>>,
  cancelRun: {
    reason: textUpTo(MAX_REASON_CHARS),
    by: textUpTo(MAX_BY_CHARS),
    waitMs: fits(
      (value) => isNumberFrom0(value, MAX_WAIT_MS),
      `must be a number of milliseconds from 0 to ${String(MAX_WAIT_MS)}`,
    ),
  } satisfies ChecksOf<CancelRunOptions>,
  reconcile: { dryRun: yesOrNo, adopts: yesOrNo } satisfies ChecksOf<FirstOf<Runtime['reconcile']>>,
  openRuns: { all: yesOrNo } satisfies ChecksOf<FirstOf<Runtime['openRuns']>>,
  doctor: {
    image: fits(
      (value) => typeof value === 'string' && value.trim() !== '',
      'must be a reference to an image, as text',
    ),
  } satisfies ChecksOf<DoctorOptions>,
} as const;

/**
 * Checks what a call was given as its options, which may be anything.
 *
 * @throws `validation.invalid_job`, naming each option that is wrong and what is allowed.
 */
export function requireUsableOptions(call: keyof typeof CHECKS, options: unknown): void {
  const problems = only(CHECKS[call])(options);
  if (problems.length > 0) throw unusable(problems.map(toIssue));
}
