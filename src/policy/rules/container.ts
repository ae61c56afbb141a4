/** Whom a job may run as, where it may mount, and which variables it may set. */
import { isWithin, normalizeAbsolutePath } from '../../base/paths.js';
import { matchesWildcard } from '../../base/wildcard.js';
import { type BuiltInRule, deniedBy, notApplicable, type Objection } from '../rule.js';

/** `policy.user` */
export const userRule: BuiltInRule = {
  id: 'policy.user',
  judge(subject, { policy, caller }) {
    const asked = subject.user ?? policy.security.user;
    if (asked === null) return notApplicable('policy.user', 'no user was asked for');
    const [uid, gid] = asked.split(':').map(Number);
    const objections: Objection[] = [];
    const path = subject.user === null ? 'policy.security.user' : 'docker.user';
    const isRoot = uid === 0 || gid === 0;
    if (isRoot && subject.user !== null && !policy.security.allowRoot) {
      objections.push({
        path,
        message: `user ${asked} is root, which security.allowRoot does not allow`,
        hint: 'use another uid and gid, for example 1000:1000',
      });
    }
    const isCaller = caller !== null && uid === caller.uid && (gid === undefined || gid === caller.gid);
    if (caller !== null && caller.uid !== 0 && !isCaller) {
      const own = `${String(caller.uid)}:${String(caller.gid)}`;
      objections.push({
        path,
        message: `user ${asked} is not the caller's (${own}), and only a root caller can give files to another user`,
        hint: `leave the user out or use ${own}`,
      });
    }
    return deniedBy('policy.user', objections, `user ${asked} may be used`);
  },
};

/** `policy.mounts` */
export const mountsRule: BuiltInRule = {
  id: 'policy.mounts',
  judge(subject, { policy }) {
    const { mountRoots } = policy.security;
    if (mountRoots.length === 0) return notApplicable('policy.mounts', 'security.mountRoots sets no bounds');
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
        hint: `choose a path beneath ${mountRoots.join(' or ')}`,
      }));
    return deniedBy('policy.mounts', objections, 'all mount paths lie in security.mountRoots');
  },
};

/** `policy.environment` */
export const environmentRule: BuiltInRule = {
  id: 'policy.environment',
  judge(subject, { policy }) {
    const denied = policy.security.deniedEnvironment;
    const objections = subject.environment.flatMap(({ name }, index) => {
      const pattern = denied.find((each) => matchesWildcard(each, name));
      if (pattern === undefined) return [];
      const message = `variable ${name} is denied by security.deniedEnvironment "${pattern}"`;
      return [{ path: `docker.environment.${String(index)}.name`, message }];
    });
    return deniedBy('policy.environment', objections, 'no variable is denied');
  },
};

function isBeneathAny(roots: readonly string[], target: string): boolean {
  const path = normalizeAbsolutePath(target);
  return roots.some((root) => isWithin(normalizeAbsolutePath(root), path));
}
