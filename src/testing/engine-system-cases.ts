/** Cases about the system beneath an engine and its networks. An engine that tells nothing of them passes. */
import { check, checkEqual, type CaseOf } from './conformance-case.js';
import { engineCase, type EngineTrial } from './engine-trial.js';

/** The cases. */
export const SYSTEM_CASES: readonly CaseOf<EngineTrial>[] = [
  engineCase('info tells of its system in words that can be read, or not at all', async (trial) => {
    const { system } = await trial.within('info', trial.engine.info());
    if (system === undefined) return;
    const { time, cgroupVersion, storageDriver, securityOptions, addressPools } = system;
    check(time === null || !Number.isNaN(Date.parse(time)), `the time of the engine: ${String(time)}`);
    check(cgroupVersion === null || /^[12]$/.test(cgroupVersion), `control groups: ${String(cgroupVersion)}`);
    check(storageDriver !== '', 'the storage driver has no name');
    checkEqual(
      (securityOptions ?? []).filter((option) => option === ''),
      [],
      'security options',
    );
    for (const { base, size } of addressPools ?? []) {
      check(isSubnet(base) && Number.isInteger(size), `an address pool: ${base}, ${String(size)}`);
    }
  }),
  engineCase('networks are listed by name, with their addresses', async (trial) => {
    const { networks } = trial.engine;
    if (networks === undefined) return;
    for (const { name, subnets } of await trial.within('networks.list', networks.list())) {
      check(name !== '', 'a network has no name');
      for (const subnet of subnets) check(isSubnet(subnet), `a subnet of ${name}: ${subnet}`);
    }
  }),
];

function isSubnet(text: string): boolean {
  return /^[0-9a-f.:]+\/\d{1,3}$/i.test(text);
}
