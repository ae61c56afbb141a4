/** The order of what may be kept of a run, and what a run may ask for. Pure. */
import type { Retention, RetentionWhen } from './runtime-config.js';

const ORDER: readonly RetentionWhen[] = ['never', 'on_failure', 'always'];

/** Whether one keeps at most what the other does. */
export function keepsNoMore(asked: RetentionWhen, most: RetentionWhen): boolean {
  return ORDER.indexOf(asked) <= ORDER.indexOf(most);
}

/** What is wrong with what a run asks for; null if nothing is. `asked` may be anything. */
export function retentionProblem(asked: unknown, most: RetentionWhen): string | null {
  const allowed = ORDER.filter((each) => keepsNoMore(each, most));
  if (allowed.some((each) => each === asked)) return null;
  return `must be ${allowed.map((each) => `"${each}"`).join(' or ')}; retention.max allows no more`;
}

/** Whether something is kept after this end. */
export function isKept(when: RetentionWhen, succeeded: boolean): boolean {
  return when === 'always' || (when === 'on_failure' && !succeeded);
}

/** What a run keeps that asks for this: key by key, over the operator's default. */
export function retentionOf(
  asked: Partial<Record<keyof Retention, RetentionWhen | undefined>> | undefined,
  usual: Retention,
): Retention {
  return {
    container: asked?.container ?? usual.container,
    workspace: asked?.workspace ?? usual.workspace,
  };
}
