/** The system beneath an engine and its networks, in the Docker Engine API's words and ours. Pure data, as `convert.ts`. */
import type { AddressPool, EngineSystem, NetworkSummary } from '../types.js';
import {
  toList,
  toNumberOrNull,
  toObject,
  toText,
  toTextOrNull,
  toTexts,
  type JsonObject,
} from './json-fields.js';

/** Reads what an engine says of its system. Podman tells control groups by `v2`. */
export function fromSystem(system: JsonObject): EngineSystem {
  const time = toText(system['SystemTime']);
  return {
    cgroupVersion: toTextOrNull(toText(system['CgroupVersion']).replace(/^v/, '')),
    storageDriver: toTextOrNull(system['Driver']),
    securityOptions: Array.isArray(system['SecurityOptions']) ? toTexts(system['SecurityOptions']) : null,
    time: Number.isNaN(Date.parse(time)) ? null : time,
    addressPools: toPools(system['DefaultAddressPools']),
  };
}

function toPools(value: unknown): readonly AddressPool[] | null {
  const pools = toList(value).flatMap((entry) => {
    const pool = toObject(entry);
    const size = toNumberOrNull(pool['Size']);
    return size === null ? [] : [{ base: toText(pool['Base']), size }];
  });
  return pools.length === 0 ? null : pools;
}

/**
 * Whether an engine shows that it can give a GPU: the runtime that comes with the vendor's toolkit, or devices its operator told it of.
 * Where there is only the toolkit's hook, it shows nothing.
 */
export function showsGpu(system: JsonObject): boolean {
  const resources = toList(system['GenericResources']).map((entry) => {
    const { NamedResourceSpec: named, DiscreteResourceSpec: discrete } = toObject(entry);
    return toText(toObject(named ?? discrete)['Kind']);
  });
  return (
    Object.keys(toObject(system['Runtimes'])).some((name) => /nvidia|^amd$/i.test(name)) ||
    resources.some((kind) => /gpu/i.test(kind))
  );
}

/** Reads a list of networks. */
export function fromNetworks(body: unknown): readonly NetworkSummary[] {
  return toList(body).map((entry) => {
    const network = toObject(entry);
    const subnets = toList(toObject(network['IPAM'])['Config']).map((each) =>
      toText(toObject(each)['Subnet']),
    );
    return { name: toText(network['Name']), subnets: subnets.filter((subnet) => subnet !== '') };
  });
}
