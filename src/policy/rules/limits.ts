/** Whether what a job asks for is within what the operator allows: resources, tmpfs, deadlines and attempts. */
import { listed } from '../hint.js';
import { allowed, type BuiltInRule, deniedBy, type Objection, standing } from '../rule.js';

const RESOURCES = ['cpus', 'memoryBytes', 'pidsLimit', 'shmBytes'] as const;

const RESOURCES_WITHIN = standing(
  allowed('policy.resources', 'all resources asked for are within limits.max'),
);

/** `policy.resources` */
export const resourcesRule: BuiltInRule = {
  id: 'policy.resources',
  isRelaxable: true,
  judge(subject, { policy }) {
    const { max } = policy.limits;
    const objections: Objection[] = [];
    for (const name of RESOURCES) {
      const asked = subject.resources[name];
      const most = max[name];
      if (asked === undefined || most === null || asked <= most) continue;
      objections.push({
        path: `docker.resources.${name}`,
        message: `${name} ${String(asked)} is more than the ${String(most)} allowed by limits.max.${name}`,
        hint: `ask for at most ${String(most)}`,
      });
    }
    for (const [index, { name, soft, hard }] of (subject.resources.ulimits ?? []).entries()) {
      const most = Object.hasOwn(max.ulimits, name) ? max.ulimits[name] : undefined;
      const isLess = policy.limits.default.ulimits.some((each) => each.name === name && hard <= each.hard);
      if (isLess || (most !== undefined && soft <= most && hard <= most)) continue;
      const names = Object.keys(max.ulimits);
      objections.push({
        path: `docker.resources.ulimits.${String(index)}`,
        message:
          most === undefined
            ? `ulimit "${name}" may not be asked for; allowed by limits.max.ulimits: ${listed(names, name) || 'none'}`
            : `ulimit "${name}" may be at most ${String(most)}`,
        hint:
          most === undefined
            ? 'leave it out, or ask the operator about policy.limits.max.ulimits'
            : `ask for at most ${String(most)}`,
      });
    }
    const tmpfs = subject.tmpfs.reduce(
      (sum, { sizeBytes }) => sum + (sizeBytes ?? policy.security.tmpBytes),
      0,
    );
    if (max.tmpfsBytes !== null && tmpfs > max.tmpfsBytes) {
      objections.push({
        path: 'docker.tmpfs',
        message: `tmpfs of ${String(tmpfs)} bytes in all are more than the ${String(max.tmpfsBytes)} allowed by limits.max.tmpfsBytes`,
        hint: `ask for at most ${String(max.tmpfsBytes)}`,
      });
    }
    return deniedBy('policy.resources', objections, RESOURCES_WITHIN);
  },
};

const TIMEOUTS = [
  { name: 'runMs', path: 'timeoutMs', what: 'a timeout' },
  { name: 'queueMs', path: 'timeouts.queueMs', what: 'a wait in the queue' },
  { name: 'pullMs', path: 'timeouts.pullMs', what: 'a time to pull the image' },
  { name: 'stageMs', path: 'timeouts.stageMs', what: 'a time to stage inputs' },
  { name: 'idleOutputMs', path: 'timeouts.idleOutputMs', what: 'a time without output' },
  { name: 'stopMs', path: 'timeouts.stopMs', what: 'a time to stop' },
  { name: 'collectMs', path: 'timeouts.collectMs', what: 'a time to collect outputs' },
] as const;

const TIMES_WITHIN = standing(allowed('policy.timeouts', 'all times asked for are within timeouts.max'));

/** `policy.timeouts` */
export const timeoutsRule: BuiltInRule = {
  id: 'policy.timeouts',
  isRelaxable: true,
  judge(subject, { maxTimeouts }) {
    const objections: Objection[] = [];
    for (const { name, path, what } of TIMEOUTS) {
      const asked = subject.timeouts[name];
      const most = maxTimeouts[name];
      if (asked === undefined || most === undefined || asked <= most) continue;
      objections.push({
        path,
        message: `${what} of ${String(asked)} ms is more than the ${String(most)} ms allowed by timeouts.max.${name}`,
        hint: `ask for at most ${String(most)}`,
      });
    }
    return deniedBy('policy.timeouts', objections, TIMES_WITHIN);
  },
};

const ATTEMPTS_WITHIN = standing(allowed('policy.retry', 'the attempts asked for are within retry.max'));

/** `policy.retry` */
export const retryRule: BuiltInRule = {
  id: 'policy.retry',
  isRelaxable: true,
  judge({ retry }, { maxRetry }) {
    const objections: Objection[] = [];
    for (const name of ['maxAttempts', 'maxDelayMs'] as const) {
      const asked = retry[name];
      const most = maxRetry?.[name];
      if (asked === undefined || most === undefined || asked <= most) continue;
      objections.push({
        path: `retry.${name}`,
        message: `${name} ${String(asked)} is more than the ${String(most)} allowed by retry.max.${name}`,
        hint: `ask for at most ${String(most)}`,
      });
    }
    return deniedBy('policy.retry', objections, ATTEMPTS_WITHIN);
  },
};
