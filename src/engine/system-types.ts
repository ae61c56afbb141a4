/** What an engine tells of the system beneath it, as a part of the `ContainerEngine` port. No implementation. */
import type { CallOptions } from './call-options.js';

/** Where an engine is, for people: it may have lost credentials that were in it. */
export interface EngineLocation {
  /** For example `unix:///path`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** Who named it, for example `DOCKER_HOST`, `context NAME` or `option`. */
  readonly from: string;
}

/** Addresses an engine cuts networks from. */
export interface AddressPool {
  /** `a.b.c.d/bits` */
  readonly base: string;
  /** Bits of the prefix of each network. */
  readonly size: number;
}

/** The system beneath an engine, in its own words; null: it does not tell. */
export interface EngineSystem {
  /** Of control groups: `1` or `2`. */
  readonly cgroupVersion: string | null;
  readonly storageDriver: string | null;
  /** For example `name=seccomp,profile=default`. */
  readonly securityOptions: readonly string[] | null;
  /** Its clock when it was asked, ISO. */
  readonly time: string | null;
  /** As configured; null: those it brings along. */
  readonly addressPools: readonly AddressPool[] | null;
}

/** One network of an engine. */
export interface NetworkSummary {
  readonly name: string;
  /** `address/bits` of each; empty for one without addresses. */
  readonly subnets: readonly string[];
}

/** Networks. */
export interface EngineNetworks {
  /** All of them, whoever made them. */
  list(options?: CallOptions): Promise<readonly NetworkSummary[]>;
}
