/** Whom a job may run as, where it may mount, and which variables it may set. */
import { areUsableIds, ID_TOO_HIGH, readNumericUser } from '../../base/numeric-user.js';
import { isWithin, normalizeAbsolutePath } from '../../base/paths.js';
import { matchesWildcard } from '../../base/wildcard.js';
import { listed } from '../hint.js';
import {
  allowed,
  type BuiltInRule,
  type Caller,
  denied,
  deniedBy,
  notApplicable,
  type Objection,
  standing,
} from '../rule.js';

const NO_USER = standing(notApplicable('policy.user', 'no user was asked for'));

/** `policy.user` */
export const userRule: BuiltInRule = {
  id: 'policy.user',
  isRelaxable: false,
  judge(subject, { policy, caller }) {
    const asked = subject.user ?? policy.security.user;
    if (asked === null) return NO_USER;
    const path = subject.user === null ? 'policy.security.user' : 'docker.user';
    const numeric = readNumericUser(asked);
    if (numeric === null || !areUsableIds(numeric)) {
      const message = `the user ${numeric === null ? 'must be numeric uid or uid:gid' : ID_TOO_HIGH}`;
      return denied('policy.user', [{ path, message, hint: 'for example 1000:1000' }]);
    }
    const { uid, gid } = numeric;
    const objections: Objection[] = [];
    const bound = caller === null || caller.uid === 0 ? null : caller;
    const hint = bound === null ? 'use another uid and gid, for example 1000:1000' : insteadOfOther(bound);
    if ((uid === 0 || gid === 0) && subject.user !== null && !policy.security.allowRoot) {
      const message = `user ${asked} is root, which security.allowRoot does not allow`;
      objections.push({ path, message, hint });
    }
    if (bound !== null && (uid !== bound.uid || (gid !== null && gid !== bound.gid))) {
      const own = `${String(bound.uid)}:${String(bound.gid)}`;
      const message = `user ${asked} is not the caller's (${own}), and only a root caller can give files to another user`;
      objections.push({ path, message, hint });
    }
    return deniedBy('policy.user', objections, allowed('policy.user', `user ${asked} may be used`));
  },
};

/** The caller's own group may be root's, which is had only by not asking. */
function insteadOfOther({ uid, gid }: NonNullable<Caller>): string {
  return gid === 0 ? 'leave the user out' : `leave the user out or use ${String(uid)}:${String(gid)}`;
}

const NO_BOUNDS = standing(notApplicable('policy.mounts', 'security.mountRoots sets no bounds'));
const ALL_WITHIN = standing(allowed('policy.mounts', 'all mount paths lie in security.mountRoots'));

/** `policy.mounts` */
export const mountsRule: BuiltInRule = {
  id: 'policy.mounts',
  isRelaxable: false,
  judge(subject, { policy }) {
    const { mountRoots } = policy.security;
    if (mountRoots.length === 0) return NO_BOUNDS;
    const targets = [
      ...subject.inputs.map(
        ({ mountPath }, index) => [`docker.inputs.${String(index)}.mountPath`, mountPath] as const,
      ),
      ['docker.configFile.mountPath', subject.configFileMountPath] as const,
    ];
    const objections = targets
      .filter(([, target]) => target !== null && !isBeneathAny(mountRoots, target))
      .map(([path, target]) => ({
        path,
        message: `${String(target)} lies in none of policy.security.mountRoots`,
        hint: `choose a path beneath one of: ${listed(mountRoots, String(target))}`,
      }));
    return deniedBy('policy.mounts', objections, ALL_WITHIN);
  },
};

/** Of variables that a job is given, now or some day, by berthkit itself. */
const RESERVED_PREFIX = 'BERTHKIT_';

const NONE_DENIED = standing(allowed('policy.environment', 'no variable is denied'));

/** `policy.environment` */
export const environmentRule: BuiltInRule = {
  id: 'policy.environment',
  isRelaxable: false,
  judge(subject, { policy }) {
    const { deniedEnvironment } = policy.security;
    const objections = subject.environment.flatMap(({ name, namePath: path }) => {
      if (name.toUpperCase().startsWith(RESERVED_PREFIX)) {
        const message = `variable ${name} begins with ${RESERVED_PREFIX}, which is reserved`;
        return [{ path, message, hint: `use a name that does not begin with ${RESERVED_PREFIX}` }];
      }
      const pattern = deniedEnvironment.find((each) => matchesWildcard(each, name));
      if (pattern === undefined) return [];
      const message = `variable ${name} is denied by security.deniedEnvironment "${pattern}"`;
      const hint = 'leave the variable out, or ask the operator about policy.security.deniedEnvironment';
      return [{ path, message, hint }];
    });
    return deniedBy('policy.environment', objections, NONE_DENIED);
  },
};

function isBeneathAny(roots: readonly string[], target: string): boolean {
  const path = normalizeAbsolutePath(target);
  return roots.some((root) => isWithin(normalizeAbsolutePath(root), path));
}
