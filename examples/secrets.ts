/** A secret by reference: resolved late, given to the job alone, masked wherever it would come out, let go at the end. */
import { strict as assert } from 'node:assert';
import { assertSucceeded, combineSecrets, createRuntime, envSecrets, type SecretResolver } from 'berthkit';

const released: string[] = [];
/** Stands for a vault that leases its secrets. */
const vault: SecretResolver = async (reference) => {
  if (reference.source !== 'store' || reference.key !== 'team/api-token') return undefined;
  const release = (): void => void released.push(reference.key);
  return Promise.resolve({ value: 'correct horse battery', version: '7', release });
};
const environment = { JOB_REGION_KEY: 'a-key-of-a-region', HOST_PASSWORD: 'never for jobs' };

await using runtime = createRuntime(
  { policy: { images: { allow: ['busybox:*'] }, secrets: { allow: ['store:team/*', 'env:JOB_*'] } } },
  { resolveSecret: combineSecrets(envSecrets(environment, { allow: ['JOB_*'] }), vault) },
);
const result = await runtime.runJob({
  docker: {
    image: 'busybox:1',
    command: ['sh', '-c', 'echo "token: $TOKEN"; echo "encoded: $(printf %s "$TOKEN" | base64)"'],
    environment: {
      TOKEN: { secret: { source: 'store', key: 'team/api-token' } },
      REGION: { secret: { source: 'env', key: 'JOB_REGION_KEY' } },
    },
  },
});
assertSucceeded(result);
assert.equal(result.stdout.text, 'token: ***\nencoded: ***\n');
assert.deepEqual(released, ['team/api-token']);

const greedy = {
  docker: {
    image: 'busybox:1',
    environment: { TOKEN: { secret: { source: 'env', key: 'HOST_PASSWORD' } } },
  },
};
const { decision } = runtime.explain(greedy);
assert.equal(decision?.violations[0]?.rule, 'policy.secrets');
console.log(`masked: ${result.stdout.text.trim().replaceAll('\n', ', ')}`);
