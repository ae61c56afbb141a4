import { Agent, type ClientRequest } from 'node:http';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { parseHost } from '../../../src/engine/docker/address.js';
import { setUpDockerode } from '../../../src/engine/docker/client.js';

it('has no request printed with all that hangs on it, as its transport would do with each', async () => {
  const reach = { address: parseHost('unix:///run/engine.sock'), tls: null, ssh: null };
  const agent = new Agent();
  let printed = 0;
  let path = '';
  Object.assign(agent, {
    [inspect.custom]: () => (printed += 1),
    addRequest: (request: ClientRequest) => {
      ({ path } = request);
      setImmediate(() => request.emit('error', new Error('sent nowhere')));
    },
  });
  const clients = await setUpDockerode(reach, 'v1.41');
  await expect(clients(agent).getContainer('c').inspect({})).rejects.toThrow('sent nowhere');
  expect([path, printed]).toEqual(['/v1.41/containers/c/json', 0]);
});
