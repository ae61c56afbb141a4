/** The form of an engine's address in a configuration. Whether anything answers there is for others to find out. */
import { z } from 'zod';
import { hasUnseen } from '../base/engine-host.js';
import { expectedText } from '../base/expected-text.js';
import { lazy } from '../base/lazy.js';

const behindScheme = (host: string): string => /^[a-z]+:\/\/(.*)$/s.exec(host)?.[1] ?? '';

/** The schema of such an address. */
export const engineHost = lazy(() =>
  z
    .string({ error: expectedText() })
    .regex(
      /^(unix:\/\/\/|(tcp|https?|ssh):\/\/[^/]|npipe:\/\/)/,
      'must be unix:///path, tcp://host:port, https://host:port, ssh://user@host or npipe://path',
    )
    .refine(
      (host) => /^(unix|npipe):/.test(host) || !hasUnseen(behindScheme(host)),
      'must have no whitespace in its host, and no control characters',
    ),
);
