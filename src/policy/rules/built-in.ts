/** The built-in rules in the order they are asked. A list only. */
import type { BuiltInRule } from '../rule.js';
import { secretDeliveryRule, secretsRule, storageRule } from './access.js';
import { environmentRule, mountsRule, userRule } from './container.js';
import { gpuRule } from './gpu.js';
import { imageDigestRule, imageRule, pullPolicyRule } from './image.js';
import { resourcesRule, retryRule, timeoutsRule } from './limits.js';
import { networkRule } from './network.js';
import { runtimeRule } from './runtime.js';

/** Every built-in rule. */
export const BUILT_IN_RULES: readonly BuiltInRule[] = [
  imageRule,
  imageDigestRule,
  pullPolicyRule,
  networkRule,
  gpuRule,
  runtimeRule,
  resourcesRule,
  timeoutsRule,
  retryRule,
  userRule,
  mountsRule,
  environmentRule,
  secretsRule,
  secretDeliveryRule,
  storageRule,
];
