import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { parseHost } from '../../../src/engine/docker/address.js';
import { createLine, createLineAgent } from '../../../src/engine/docker/line.js';

it('has next to nothing printed of its agent, which a library does with each request', () => {
  const reach = { address: parseHost('unix:///run/engine.sock'), tls: null, ssh: null };
  const agent = createLineAgent(createLine(), reach);
  expect(inspect({ agent }, { showHidden: true, depth: null })).toBe('{ agent: agent }');
});
