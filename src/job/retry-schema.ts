/** How a definition, or the caller's options, ask for more than one attempt. */
import { z } from 'zod';
import { lazy } from '../base/lazy.js';

const maxAttempts = lazy(() =>
  z.int({ error: 'must be a whole number' }).min(1, 'must be at least 1').max(10, 'must not be more than 10'),
);

const delayMs = lazy(() =>
  z
    .int({ error: 'must be whole milliseconds' })
    .min(0, 'must not be negative')
    .max(86_400_000, 'must not be more than 86400000'),
);

const backoff = lazy(() =>
  z.enum(['none', 'fixed', 'exponential'], {
    error: 'must be "none", "fixed" or "exponential"',
  }),
);

const common = lazy(() => ({
  maxAttempts: maxAttempts().optional(),
  jitter: z.enum(['none', 'full', 'equal'], { error: 'must be "none", "full" or "equal"' }).optional(),
  initialDelayMs: delayMs().optional(),
  maxDelayMs: delayMs().optional(),
}));

/** Our spelling. */
export const retry = lazy(() =>
  z.strictObject({
    ...common(),
    backoff: backoff().optional(),
    on: z
      .array(
        z.enum(['user', 'limit', 'infrastructure'], { error: 'must be "user", "limit" or "infrastructure"' }),
        { error: 'must be a list of "user", "limit" and "infrastructure"' },
      )
      .min(1, 'must name at least one of user, limit, infrastructure')
      .optional(),
  }),
);

/** The spelling of the software behind the Docker Job Runtime document. */
export const retryPolicy = lazy(() => z.strictObject({ ...common(), strategy: backoff().optional() }));
