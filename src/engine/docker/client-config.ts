/** Reading the files of Docker's own client. They may hold credentials: what a parser says of one is not repeated. */
import { errorCode } from '../../host/node.js';
import { NoSmallFile, readRegularText } from '../../host/regular-text.js';
import { type JsonObject, toObject } from './json-fields.js';

/** Why a file cannot be used, without a word of what is in it. Internal: it never leaves the adapter. */
export class UnreadableConfig extends Error {
  /** For example `EACCES`; `no regular file`; `invalid JSON`. */
  readonly systemCode: string;

  constructor(path: string, systemCode: string) {
    super(`The Docker client configuration ${path} cannot be read (${systemCode}).`);
    this.name = 'UnreadableConfig';
    this.systemCode = systemCode;
  }
}

/**
 * What a JSON file holds; an empty object where there is none, or nothing in it, as Docker's client has it.
 * @throws {@link UnreadableConfig}
 */
export async function readConfigJson(path: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (cause) {
    if (cause instanceof NoSmallFile) throw new UnreadableConfig(path, cause.message);
    const code = errorCode(cause) ?? 'unknown';
    if (['ENOENT', 'ENOTDIR'].includes(code)) return {};
    throw new UnreadableConfig(path, code);
  }
  return text.trim() === '' ? {} : parseConfigJson(text, path);
}

/**
 * The same for a text from elsewhere.
 * @throws {@link UnreadableConfig}
 */
export function parseConfigJson(text: string, from: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UnreadableConfig(from, 'invalid JSON');
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw new UnreadableConfig(from, 'no JSON object');
  return toObject(value);
}
