/** The version of the API that is spoken: the newest both sides know, asked for before the first call. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { mountsSubpaths, negotiateVersion } from '../../../src/engine/docker/api-version.js';
import { scriptedEngine } from './scripted-engine.js';

describe('negotiateVersion', () => {
  it.each([
    ['1.41', undefined],
    ['1.45', undefined],
    ['1.52', 'v1.45'],
    ['2.0', 'v1.45'],
    [undefined, undefined],
    ['', undefined],
  ])('%s: %s', (announced, prefix) => {
    expect(negotiateVersion(announced, 'h')).toBe(prefix);
  });

  it.each(['1.40', '1.4', '0.99'])('%s is too old', (announced) => {
    expect(() => negotiateVersion(announced, 'h')).toThrow(
      expect.objectContaining({
        code: 'engine.unsupported',
        message: `The engine at h is too old: it speaks version ${announced} of the Docker Engine API at the most, and 1.41 is needed.`,
      }),
    );
  });
});

describe('mountsSubpaths', () => {
  it.each([
    ['1.41', false],
    ['1.44', false],
    ['1.45', true],
    ['1.52', true],
    ['', false],
  ])('%s: %s', (announced, can) => {
    expect(mountsSubpaths(announced)).toBe(can);
  });
});

describe('an engine', () => {
  it('that is newer is spoken to in the newest version that is known, through dockerode and without', async () => {
    const { engine, lines } = await scriptedEngine({
      apiVersion: '1.99',
      onRequest: ({ json }) => {
        json(404, { message: 'no such container: x' });
      },
    });
    await expect(engine.containers.inspect('x')).resolves.toBeNull();
    const events = engine.events!({ containerId: 'a'.repeat(64) })[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 'engine.not_found' });
    // Of events, the engine's clock is asked for first.
    expect(lines).toEqual(['GET /v1.45/containers/x/json', 'GET /v1.45/_ping']);
  });

  it('that is too old is asked for nothing', async () => {
    const { engine, lines } = await scriptedEngine({ apiVersion: '1.40' });
    await expect(engine.info()).rejects.toMatchObject({ code: 'engine.unsupported', retryable: false });
    expect(lines).toEqual([]);
  });

  it('that announces no version is spoken to in its own', async () => {
    const { engine, lines } = await scriptedEngine({
      onPing: (response) => {
        response.removeHeader('Api-Version');
      },
      onRequest: ({ json }) => {
        json(404, { message: 'no such container: x' });
      },
    });
    await expect(engine.containers.inspect('x')).resolves.toBeNull();
    expect(lines).toEqual(['GET /containers/x/json']);
  });

  const withStatus =
    (status: number) =>
    (response: ServerResponse): void => {
      response.statusCode = status;
    };

  it.each<[string, (response: ServerResponse) => void]>([
    [
      'something else',
      (response) => {
        response.removeHeader('Api-Version');
        response.write('<html>');
      },
    ],
    ['status 302', withStatus(302)],
    ['status 401', withStatus(401)],
    ['status 403', withStatus(403)],
    ['status 404', withStatus(404)],
  ])('is not what answers a ping with %s, and is asked nothing', async (answer, onPing) => {
    const { engine, lines } = await scriptedEngine({ onPing });
    await expect(engine.info()).rejects.toMatchObject({
      code: 'engine.unsupported',
      retryable: false,
      message: expect.stringMatching(new RegExp(`no container engine: .* ping with ${answer}`)) as string,
      hint: expect.stringMatching(/Check the address.*engine-api\.md/) as string,
    });
    expect(lines).toEqual([]);
  });

  it('whose ping fails may be better later', async () => {
    const { engine } = await scriptedEngine({ onPing: withStatus(503) });
    await expect(engine.info()).rejects.toMatchObject({ code: 'engine.failed', retryable: true });
  });

  it('that does not speak the version any more says so', async () => {
    const { engine } = await scriptedEngine({
      apiVersion: '1.99',
      onRequest: ({ json }) => {
        json(400, { message: 'client version 1.45 is too old. Minimum supported API version is 1.60' });
      },
    });
    await expect(engine.info()).rejects.toMatchObject({
      code: 'engine.unsupported',
      message: expect.stringContaining('Minimum supported API version is 1.60') as string,
    });
  });
});
