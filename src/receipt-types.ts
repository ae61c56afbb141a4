/** What a receipt is, as data. How one is made and checked is in `receipt.ts`. */

/**
 * An account of a run in hashes. Each is the lower-case hex SHA-256 of canonical JSON (RFC 8785). Nothing of it reveals a value, but whoever can
 * guess a value, such as the word of a short output, can tell whether the guess is right.
 */
export interface Receipt {
  readonly schemaVersion: 1;
  /** The same for the same job, policy, image, inputs and outcome, whenever and wherever it runs. */
  readonly stable: {
    /** Of the compiled definition with the options of the run; secrets by reference. */
    readonly request: string;
    readonly policy: string;
    /** Of the result's `decision`, and so on. */
    readonly decision: string;
    readonly image: string;
    /** Of the result's `inputs` and `given`, which hold the hashes of all files and of standard input. */
    readonly inputs: string;
    /** Without where they were stored. */
    readonly outputs: string;
    /** Of `status`, `reason`, `exitCode` and `signal`. */
    readonly verdict: string;
  };
  /** Of `stable`: what two runs of one job are compared by. */
  readonly stableHash: string;
  readonly volatile: {
    readonly runId: string;
    readonly attempt: number;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly usage: string;
    /** Of the whole result but its receipt. */
    readonly result: string;
  };
  /** Of all the rest of the receipt. */
  readonly receiptHash: string;
}
