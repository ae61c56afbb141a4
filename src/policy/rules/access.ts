/** Which secrets a job may name, and which places of which storages it may read and write. */
import { fixedPrefixOf } from '../../base/path-template.js';
import { matchesWildcard } from '../../base/wildcard.js';
import type { SecretReference } from '../../plan/container-spec.js';
import { allowedHint } from '../hint.js';
import type { Policy } from '../policy.js';
import { allowed, type BuiltInRule, deniedBy, notApplicable, type Objection, standing } from '../rule.js';

/** `source:key`, what patterns of `secrets.allow` are matched against. */
const secretName = ({ source, key }: SecretReference): string => `${source}:${key}`;

const ALL_MAY_BE_USED = standing(allowed('policy.secrets', 'all secrets may be used'));

/** `policy.secrets` */
export const secretsRule: BuiltInRule = {
  id: 'policy.secrets',
  isRelaxable: false,
  judge(subject, { policy }) {
    const patterns = policy.secrets.allow;
    const objections = subject.environment.flatMap(({ name, path, secret }) => {
      if (secret === null || patterns.some((pattern) => matchesWildcard(pattern, secretName(secret))))
        return [];
      const message = `secret "${secretName(secret)}" for variable ${name} matches no pattern of secrets.allow`;
      return [
        {
          path: `${path}.secret`,
          message,
          hint: allowedHint(patterns, secretName(secret), 'policy.secrets.allow'),
        },
      ];
    });
    return deniedBy('policy.secrets', objections, ALL_MAY_BE_USED);
  },
};

const LEFT_TO_THE_JOB = standing(
  notApplicable('policy.secret_delivery', 'secrets.delivery leaves it to the job'),
);
const ALL_AS_FILES = standing(allowed('policy.secret_delivery', 'all secrets are delivered as files'));

/** `policy.secret_delivery` */
export const secretDeliveryRule: BuiltInRule = {
  id: 'policy.secret_delivery',
  isRelaxable: true,
  judge(subject, { policy }) {
    if (policy.secrets.delivery === 'any') return LEFT_TO_THE_JOB;
    const objections = subject.environment.flatMap(({ name, path, secret, as }) => {
      if (secret === null || as === 'file') return [];
      const message = `secret "${secretName(secret)}" for variable ${name} is to be delivered as a file (secrets.delivery)`;
      return [
        { path: `${path}.as`, message, hint: `set as: "file"; ${name} then holds the path of the file` },
      ];
    });
    return deniedBy('policy.secret_delivery', objections, ALL_AS_FILES);
  },
};

/** Whether `storage.read` covers a path that is known only when it is looked up. */
export function mayReadStorage({ storage }: Policy, mountId: string, path: string): boolean {
  return storage.read.some((right) => coversStoragePath(right, mountId, path));
}

/**
 * Whether a right (`mountId` or `mountId:prefix`, the id may be `*`) covers a path. The prefix counts in whole segments; the empty path is the whole storage.
 */
function coversStoragePath(right: string, mountId: string, path: string): boolean {
  const separator = right.indexOf(':');
  const id = separator === -1 ? right : right.slice(0, separator);
  if (id !== '*' && id !== mountId) return false;
  if (separator === -1) return true;
  const prefix = right.slice(separator + 1).replace(/^\/+|\/+$/g, '');
  const subject = path.replace(/^\/+/, '');
  return prefix === '' || subject === prefix || subject.startsWith(`${prefix}/`);
}

const ALL_PLACES = standing(allowed('policy.storage', 'all places in storages may be used'));

/** `policy.storage` */
export const storageRule: BuiltInRule = {
  id: 'policy.storage',
  isRelaxable: false,
  judge(subject, { policy }) {
    const { write } = policy.storage;
    const objections: Objection[] = [];
    for (const [index, { source }] of subject.inputs.entries()) {
      const path = `docker.inputs.${String(index)}.source`;
      // Where a node lies is known only when it is looked up; `mayReadStorage` is asked then.
      if (source.type !== 'filestorePath') continue;
      if (mayReadStorage(policy, source.backendMountId, source.path)) continue;
      const message = `storage.read does not allow to read ${source.path} of storage "${source.backendMountId}"`;
      const hint = allowedHint(policy.storage.read, source.backendMountId, 'policy.storage.read');
      objections.push({ path, message, hint });
    }
    for (const [index, { destination }] of subject.outputs.entries()) {
      if (destination === null || destination === 'caller') continue;
      const { backendMountId: id, template } = destination;
      // Variables are encoded and add no folder, so up to the last slash before the first of them the path is certain.
      const certain = certainPath(template);
      if (write.some((right) => coversStoragePath(right, id, certain))) continue;
      objections.push({
        path: `docker.outputs.${String(index)}.upload`,
        message: `storage.write does not allow to write ${template} to storage "${id}"`,
        hint: allowedHint(write, id, 'policy.storage.write'),
      });
    }
    return deniedBy('policy.storage', objections, ALL_PLACES);
  },
};

function certainPath(template: string): string {
  const prefix = fixedPrefixOf(template);
  return template.includes('${') ? prefix.slice(0, prefix.lastIndexOf('/') + 1) : prefix;
}
