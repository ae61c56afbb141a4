/** Prints why tests were skipped, and `N passed, N failed, N skipped` as the last line, the form any log reader understands. */
import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** A vitest reporter that only counts. */
export default class TotalsReporter implements Reporter {
  #withoutNote = 'no reason given';

  onInit({ config }: Vitest): void {
    if (config.testNamePattern !== undefined) this.#withoutNote = 'left out by name';
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    const reasons = new Map<string, number>();
    for (const module of modules) {
      if (module.state() === 'failed' && module.children.size === 0) totals.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        const { state } = result;
        totals[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
        if (state !== 'skipped') continue;
        const reason = `${module.relativeModuleId}: ${result.note ?? this.#withoutNote}`;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    const skips = [...reasons].map(([reason, count]) => `skipped ${String(count)} in ${reason}\n`);
    const { passed, failed, skipped } = totals;
    process.stdout.write(
      `\n${skips.join('')}${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped\n`,
    );
  }
}
