/** Refuses arguments of the wrong type by their names, with what is allowed. A value is never shown: it may be a key. */
import { type Check, each, fits } from '../../base/shapes.js';
import { ConfigError } from '../../errors.js';

const isText = (value: unknown): boolean => typeof value === 'string';

/** The check, but null is as good as nothing. */
export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null ? [] : check(value);

export const text = orNull(fits(isText, 'must be text'));
export const pem = orNull(fits(isText, 'must be text, in PEM'));
export const texts = orNull(
  fits((value) => Array.isArray(value) && value.every(isText), 'must be a list of texts'),
);

/** An environment: `process.env`, or what stands in for it. */
export const environment = each(fits((value) => value === undefined || isText(value), 'must be text'));

/**
 * Checks the arguments of a function by their names.
 *
 * @throws `config.invalid`, listing everything that is wrong.
 */
export function requireArguments(
  of: string,
  given: Readonly<Record<string, { readonly value: unknown; readonly check: Check }>>,
): void {
  const issues = Object.entries(given).flatMap(([name, { value, check }]) =>
    check(value).map(({ path, message }) => ({
      code: 'config.invalid_value',
      path: [name, ...path].join('.'),
      message,
    })),
  );
  if (issues.length === 0) return;
  const lines = issues.map(({ path, message }) => `- ${path} ${message}`);
  throw new ConfigError('config.invalid', `Invalid arguments of ${of}:\n${lines.join('\n')}`, {
    details: { issues },
  });
}
