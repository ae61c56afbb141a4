/** What an engine was asked to make for jobs, as it came over the wire; containers that only hold their files are left out. */
import type { EngineCall } from '../proxy/engine-call.js';

interface CreateBody {
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

/** The `HostConfig` of each, in order. */
export function hostConfigsOfJobs(calls: readonly EngineCall[]): readonly CreateBody['HostConfig'][] {
  return calls
    .filter(({ path }) => path === '/containers/create')
    .map(({ body }) => JSON.parse(body.toString()) as CreateBody)
    .filter(({ Labels }) => Labels['berthkit.kind'] === 'job')
    .map(({ HostConfig }) => HostConfig);
}
