/** Keeps audit records until they are written down, in their order. It makes none. */
import type { AuditMode, AuditRecord, AuditSink } from './audit.js';
import { RuntimeError } from './errors.js';
import { withDeadline } from './execute/deadline.js';

/** How long writing one record may take. */
const AUDIT_MS = 10_000;

/** Records on their way. */
export interface AuditTrail {
  /** Takes a record; begins to write at once, and never throws. */
  note(record: AuditRecord): void;
  /**
   * Resolves when all records so far are written. What failed is tried once more. Where the mode is `best_effort`, gives what could not be
   * written as a sentence, and forgets it.
   *
   * @throws `runtime.audit_failed` where the mode is `required`; the records are kept for the next try.
   */
  confirm(): Promise<string | null>;
  /** As `confirm`, whatever the mode, for when nothing can be kept from happening any more; never rejects. */
  close(): Promise<string | null>;
}

/** A trail to one sink; without a sink everything is written at once. */
export function createAuditTrail(sink: AuditSink | undefined, mode: AuditMode): AuditTrail {
  let pending: AuditRecord[] = [];
  let writing: Promise<void> | null = null;

  const writeAll = async (): Promise<void> => {
    for (let [record] = pending; record !== undefined; [record] = pending) {
      const current = record;
      const onTimeout = (): Error => new Error(`it took longer than ${String(AUDIT_MS)} ms`);
      await withDeadline({ timeoutMs: AUDIT_MS, onTimeout }, async () => sink?.(current));
      pending = pending.filter((each) => each !== current);
    }
  };
  /** One at a time, so that the order holds; who comes meanwhile is served by the one under way. */
  const write = async (): Promise<void> => {
    writing ??= writeAll().finally(() => {
      writing = null;
    });
    return writing;
  };
  const writeOrRetry = async (): Promise<void> => {
    await writing?.catch(() => undefined);
    await write();
  };
  const forget = (error: unknown): string => {
    const count = pending.length;
    pending = [];
    const records = count === 1 ? '1 audit record was' : `${String(count)} audit records were`;
    return `${records} not written down: ${error instanceof Error ? error.message : String(error)}`;
  };

  return {
    note(record) {
      if (sink === undefined) return;
      pending = [...pending, record];
      write().catch(() => undefined);
    },
    async confirm() {
      try {
        await writeOrRetry();
        return null;
      } catch (error) {
        if (mode === 'best_effort') return forget(error);
        const why = error instanceof Error ? error.message : String(error);
        throw new RuntimeError('runtime.audit_failed', `nothing is done that is not on record: ${why}`, {
          cause: error,
          hint: 'see to the audit sink, or set auditMode to best_effort',
        });
      }
    },
    async close() {
      try {
        await writeOrRetry();
        return null;
      } catch (error) {
        return forget(error);
      }
    },
  };
}
