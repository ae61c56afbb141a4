/**
 * Every test on an engine fails that makes a call to it which the documentation does not list. A call is berthkit's where it has an agent of its own: tests
 * themselves ask by the agents all have, and registries in their own API.
 */
import { subscribe } from 'node:diagnostics_channel';
import { type ClientRequest, globalAgent } from 'node:http';
import { globalAgent as secureAgent } from 'node:https';
import { expect } from 'vitest';
import { afterEveryTest } from '../each-test.js';
import { asListed, readListedCalls } from './listed-calls.js';

const { all } = await readListedCalls();
const unlisted: string[] = [];

subscribe('http.client.request.start', (message) => {
  const { request } = message as { readonly request: ClientRequest & { readonly agent: unknown } };
  if (request.agent === globalAgent || request.agent === secureAgent) return;
  const [target = ''] = request.path.split('?');
  if (target.startsWith('/v2/')) return;
  const call = asListed({ method: request.method, path: target.replace(/^\/v\d+\.\d+/, '') });
  if (!all.includes(call)) unlisted.push(call);
});

afterEveryTest(async () => {
  expect(unlisted.splice(0), 'calls that docs/engine-api.md does not list').toEqual([]);
  return Promise.resolve();
});
