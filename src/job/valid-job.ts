/** The type of a definition whose shape is right. Making one is the business of validation. */
import type { ParsedJob } from './schema.js';

declare const valid: unique symbol;

/** A definition of the right shape, frozen. Only validation makes one. */
export type ValidJob = ParsedJob & { readonly [valid]: true };
