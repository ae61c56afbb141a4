/** An examination of an engine as text for people. Pure. */
import type { DoctorCheck, DoctorReport, LimitCheck } from '../index.js';

const STATUS_WIDTH = 14;
const NAME_WIDTH = 19;

/** A line for each check and limit, what to do beneath it, and the sum of it all. */
export function doctorLines(report: DoctorReport): readonly string[] {
  const { checks, limits, image, leftovers, healthy } = report;
  const tried =
    image === null
      ? 'limits, not tried:'
      : `limits, tried in containers of ${image.reference} (${image.id}):`;
  return [
    ...checks.flatMap(checkLines),
    '',
    tried,
    ...limits.flatMap(limitLines),
    ...leftovers.map((name) => line('left behind', '', name)),
    '',
    healthy ? 'healthy' : summaryOf(report),
  ];
}

function line(status: string, name: string, message: string): string {
  return `${status.padEnd(STATUS_WIDTH)}${name.padEnd(NAME_WIDTH)}${message}`.replaceAll('\n', ' ');
}

function checkLines({ check, status, message, remedy }: DoctorCheck): readonly string[] {
  return [line(shown(status), shown(check), message), ...remedyLines(remedy)];
}

function limitLines({ limit, state, evidence, remedy, accepted }: LimitCheck): readonly string[] {
  const told = accepted && state !== 'enforced' ? `${evidence} (accepted by policy)` : evidence;
  return [line(shown(state), limit, told), ...remedyLines(accepted ? null : remedy)];
}

function remedyLines(remedy: string | null): readonly string[] {
  return remedy === null ? [] : [`${' '.repeat(STATUS_WIDTH)}remedy: ${remedy}`];
}

function shown(name: string): string {
  return name.replaceAll('_', ' ');
}

function summaryOf({ checks, limits }: DoctorReport): string {
  const failed = checks.filter(({ status }) => status === 'failed').length;
  const open = limits.filter(({ accepted }) => !accepted);
  const count = (state: LimitCheck['state']): string =>
    String(open.filter((each) => each.state === state).length);
  return `not healthy: ${String(failed)} checks failed, ${count('not_enforced')} limits are not enforced, ${count('not_checked')} were not seen`;
}
