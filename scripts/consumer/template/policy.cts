import { evaluateJob } from 'berthkit/policy';
import { fakeEngine } from 'berthkit/testing';
import { createRuntime } from 'berthkit';

const policy = { images: { allow: ['busybox:*'] } };
const allowed = evaluateJob({ docker: { image: 'busybox:1' } }, policy);
const denied = evaluateJob({ docker: { image: 'evil:1' } }, policy);
if (!allowed.allowed || denied.allowed) throw new Error('the policy was not applied');

void (async () => {
  const engine = fakeEngine({ run: () => ({ exitCode: 3 }) });
  const runtime = createRuntime({}, { engine });
  const result = await runtime.runJob({ docker: { image: 'busybox:1' } });
  if (result.status !== 'failed' || result.exitCode !== 3) throw new Error('the fake engine did not run');
  await runtime.close();
  console.log('policy and fake engine work from CommonJS');
})();
