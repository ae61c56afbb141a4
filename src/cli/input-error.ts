/** Errors about what was typed or read, in the shape of all other errors, so that they are shown and exit like them. */
import { ConfigError, type Issue, ValidationError } from '../index.js';

/** What a document is read as. */
export type DocumentKind = 'definition' | 'configuration' | 'cases';

/** A document that cannot be used; `place` is the file, with line and column where they are known. */
export function documentError(
  kind: DocumentKind,
  place: string,
  message: string,
): ValidationError | ConfigError {
  return kind === 'configuration'
    ? new ConfigError('config.invalid', `${place}: ${message}`, listing('config.unreadable', place, message))
    : new ValidationError(
        'validation.invalid_job',
        `${place}: ${message}`,
        listing('validation.unreadable', place, message),
      );
}

/** A flag or its value that cannot be used. */
export function usageError(path: string, message: string): ValidationError {
  return new ValidationError(
    'validation.invalid_job',
    path === '' ? message : `${path}: ${message}`,
    listing('validation.invalid_option', path, message),
  );
}

function listing(
  code: string,
  path: string,
  message: string,
): { readonly details: { readonly issues: readonly Issue[] } } {
  return { details: { issues: [{ code, path, message }] } };
}
