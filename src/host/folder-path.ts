/** The path of a folder somebody gave, made absolute at once: what is given must mean the same wherever the process goes. It touches no file. */
import { resolve } from 'node:path';
import { ConfigError } from '../errors.js';

/** @throws `config.invalid` for what is no path; an empty text would be whatever folder the process is in. */
export function folderPath(given: string, whose: string): string {
  const value: unknown = given;
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return resolve(value);
  throw new ConfigError('config.invalid', `${whose}: the path of a folder is missing, or is none`, {
    hint: 'give it as text that is not empty',
  });
}
