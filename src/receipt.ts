/** Receipts: an account of a run in hashes, to be kept beside its result, checked later, and compared with that of another run. Pure. */
import { canonicalJson } from './base/canonical-json.js';
import { jsonHash } from './base/json-hash.js';
import { redactedCopy } from './base/redacted-copy.js';
import type { RunRequest } from './plan/container-spec.js';
import type { Policy } from './policy/policy.js';
import type { Receipt } from './receipt-types.js';
import type { RunResult } from './result.js';

/** What a receipt is made of. */
export interface ReceiptParts {
  /** As compiled from the definition and the options of the run; secrets by reference. */
  readonly request: RunRequest;
  /** In force when the run was let in; of a run with a profile, the policy that it makes, without profiles. */
  readonly policy: Policy;
  /** Final and redacted; what stands in `receipt` does not count. */
  readonly result: RunResult;
}

/** What a receipt can be compared with; what is absent is not compared, and a key that is none of these agrees with nothing. */
export type ReceiptProof = { readonly [K in keyof ReceiptParts]?: ReceiptParts[K] | undefined };

/** Whether a receipt holds. */
export interface ReceiptCheck {
  readonly valid: boolean;
  /** What does not agree, as paths in the receipt, for example `stable.outputs`; empty when it is valid. */
  readonly differences: readonly string[];
}

type StableHashes = Receipt['stable'];
type VolatileFacts = Receipt['volatile'];

/** Accounts for a run that is over; request and policy as the hashes that `hashOf` gives. */
export function createReceipt(
  { request, policy }: Readonly<Record<'request' | 'policy', string>>,
  result: RunResult,
): Receipt {
  return receiptOf({ request, policy, ...stableHashesOf(result) }, result);
}

/** The same account for a result to which only a warning was added. */
export function renewReceipt({ stable }: Receipt, result: RunResult): Receipt {
  return receiptOf(stable, result);
}

function receiptOf(stable: StableHashes, result: RunResult): Receipt {
  const volatile = volatileFactsOf(result);
  const body = { schemaVersion: 1, stable, stableHash: hashOf(stable), volatile } as const;
  return { ...body, receiptHash: hashOf(body) };
}

/**
 * Checks that a receipt is whole, and that it belongs to what it is compared with. It proves that nothing was changed by accident or by
 * someone who cannot replace the receipt too: to rule that out, keep or sign its `receiptHash` elsewhere. Never throws, whatever it is given.
 *
 * @example
 * ```ts
 * import { type RunResult, verifyReceipt } from 'berthkit';
 *
 * export function assertUnchanged(stored: RunResult): void {
 *   const { valid, differences } = verifyReceipt(stored.receipt, { result: stored });
 *   if (!valid) throw new Error(`the stored result was changed: ${differences.join(', ')}`);
 * }
 * ```
 */
export function verifyReceipt(receipt: unknown, proof: ReceiptProof = {}): ReceiptCheck {
  try {
    const differences = differencesOf(receipt, proof);
    return { valid: differences.length === 0, differences };
  } catch {
    // What is no receipt at all, or no JSON.
    return { valid: false, differences: ['receipt'] };
  }
}

function differencesOf(value: unknown, proof: ReceiptProof): readonly string[] {
  const { request, policy, result, ...unknown } = proof;
  // Read defensively: it may come from anywhere. Whatever is missing agrees with nothing.
  const receipt = value as Receipt;
  const { receiptHash, ...body } = receipt;
  // Whoever misspelt one of them would take a receipt for proven that was compared with nothing.
  const differences = Object.keys(unknown).map((key) => `proof.${key}`);
  const compare = (path: string, found: unknown, expected: unknown): void => {
    if (found === undefined || canonicalJson(found) !== canonicalJson(expected)) differences.push(path);
  };
  compare('receiptHash', receiptHash, hashOf(body));
  compare('schemaVersion', receipt.schemaVersion, 1);
  compare('stableHash', receipt.stableHash, hashOf(receipt.stable));
  if (request !== undefined) compare('stable.request', receipt.stable.request, hashOf(request));
  if (policy !== undefined) compare('stable.policy', receipt.stable.policy, hashOf(policy));
  if (result === undefined) return differences;
  const stable = stableHashesOf(result);
  for (const key of keysOf(stable)) compare(`stable.${key}`, receipt.stable[key], stable[key]);
  const volatile = volatileFactsOf(result);
  for (const key of keysOf(volatile)) compare(`volatile.${key}`, receipt.volatile[key], volatile[key]);
  return differences;
}

const keysOf = <T extends object>(value: T): readonly (keyof T & string)[] =>
  Object.keys(value) as (keyof T & string)[];

/** What does not depend on when, where and how often the job ran. */
function stableHashesOf(result: RunResult): Omit<StableHashes, 'request' | 'policy'> {
  const { status, reason, exitCode, signal } = result;
  return {
    decision: hashOf(result.decision),
    image: hashOf(result.image),
    inputs: hashOf({ inputs: result.inputs, given: result.given }),
    outputs: hashOf(
      result.outputs.map(({ files, ...output }) => ({
        ...output,
        // Where a file was stored may name the run.
        files: files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 })),
      })),
    ),
    verdict: hashOf({ status, reason, exitCode, signal }),
  };
}

function volatileFactsOf(result: RunResult): VolatileFacts {
  const { runId, attempt, startedAt, endedAt, usage } = result;
  const whole = hashOf({ ...result, receipt: undefined });
  return { runId, attempt, startedAt, endedAt, usage: hashOf(usage), result: whole };
}

/** Lower-case hex SHA-256 of the canonical JSON, lone surrogates made U+FFFD, as UTF-8 would. */
export function hashOf(value: unknown): string {
  try {
    return jsonHash(value);
  } catch {
    // Hardly ever: what jobs and callers write may hold half a character.
    return jsonHash(redactedCopy(value, { text: wellFormed, bytes: (bytes) => bytes }));
  }
}

const wellFormed = (text: string): string => text.replace(/\p{Cs}/gu, '\uFFFD');
