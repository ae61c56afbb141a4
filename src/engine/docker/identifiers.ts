/** Checks on everything that becomes part of a URL. Not a policy: only what keeps a name from being more than a name. */
import { EngineError } from '../../errors.js';

// docker-modem pastes ids into URLs unescaped: an id with `/` or `?` would reach another endpoint.
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
const FULL_ID = /^[0-9a-f]{64}$/;
const SIGNAL = /^[A-Za-z0-9][A-Za-z0-9+-]{0,19}$/;
const REFERENCE = /^(?:\[[0-9a-fA-F:]{2,45}\](?::\d{1,5})?\/)?[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,511}$/;

const refuse = (what: string, value: string): EngineError =>
  new EngineError('engine.failed', `${JSON.stringify(value.slice(0, 80))} is not ${what}; nothing was sent.`);

/**
 * Returns a container id or name that is safe in a URL.
 * @throws `engine.failed` for anything else.
 */
export function checkContainerId(id: string): string {
  if (!NAME.test(id)) throw refuse('a container id or name', id);
  return id;
}

/** Whether it is a whole id, which no other container ever has. */
export const isFullId = (id: string): boolean => FULL_ID.test(id);

/**
 * Returns the name of a volume that is safe in a URL.
 * @throws `engine.failed` for anything else.
 */
export function checkVolumeName(name: string): string {
  if (!NAME.test(name)) throw refuse('the name of a volume', name);
  return name;
}

/**
 * Returns the name of a signal (`SIGTERM`, `TERM`, `15`, `SIGRTMIN+1`).
 * @throws `engine.failed` for anything else.
 */
export function checkSignal(signal: string): string {
  if (!SIGNAL.test(signal)) throw refuse('the name of a signal', signal);
  return signal;
}

/**
 * Returns an image reference or id that is safe in a URL.
 * @throws `engine.failed` for anything else.
 */
export function checkImageReference(reference: string): string {
  if (!REFERENCE.test(reference) || /\.\.|\/\/|\/\.|\/$/.test(reference)) {
    throw refuse('an image reference', reference);
  }
  return reference;
}

/** A reference in the two parts the engine's pull takes. */
export interface PullTarget {
  readonly name: string;
  /** A tag or a digest; never empty, because an engine pulls *every* tag of a name without one. */
  readonly tag: string;
}

/**
 * Splits a reference for a pull: a digest wins over a tag; `latest` if there is neither.
 * @throws `engine.failed` for a reference that is not safe in a URL.
 */
export function toPullTarget(reference: string): PullTarget {
  const checked = checkImageReference(reference);
  const at = checked.indexOf('@');
  const named = at < 0 ? checked : checked.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? 'latest' : named.slice(colon + 1);
  const target = { name, tag: at < 0 ? tag : checked.slice(at + 1) };
  if (target.name === '' || target.tag === '') throw refuse('an image reference', reference);
  return target;
}
