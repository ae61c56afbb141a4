/** Prints `N passed, N failed, N skipped` as the last line, the form any log reader understands. */
import type { Reporter, TestModule } from 'vitest/node';

/** A vitest reporter that only counts. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      if (module.state() === 'failed' && module.children.size === 0) totals.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        totals[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
      }
    }
    const { passed, failed, skipped } = totals;
    process.stdout.write(
      `\n${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped\n`,
    );
  }
}
