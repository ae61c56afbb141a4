import { describe, expect, it } from 'vitest';
import { resolveSecrets, secretId, type SecretVariable } from '../../src/execute/secrets.js';
import { staticSecrets } from '../../src/secrets/static.js';
import type { SecretResolver } from '../../src/secrets/types.js';

const VALUE = 'hunter2-hunter2';
const context = { runId: 'r1', attempt: 1, jobSlug: 'job', metadata: { team: 'a' }, profile: null };
const variable = (name: string, key: string, version?: string): SecretVariable => ({
  name,
  secret: { source: 'store', key, version },
});
const options = { timeoutMs: 10_000 };
const turns = async (): Promise<void> => {
  for (let index = 0; index < 5; index += 1) await new Promise(setImmediate);
};

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('resolveSecrets', () => {
  it('asks once per distinct reference, in parallel, with the context', async () => {
    const asked: string[] = [];
    let running = 0;
    let most = 0;
    const resolver: SecretResolver = async (reference, given) => {
      expect(given).toMatchObject(context);
      expect(given.signal.aborted).toBe(false);
      asked.push(secretId(reference));
      most = Math.max(most, (running += 1));
      await turns();
      running -= 1;
      return { value: `value of ${secretId(reference)}`, version: 'v7' };
    };
    const variables = [variable('A', 'k'), variable('B', 'k'), variable('C', 'k', '2'), variable('D', 'l')];
    const { values, versions } = await resolveSecrets(variables, resolver, context, options);
    expect(asked).toEqual(['store:k', 'store:k@2', 'store:l']);
    expect(most).toBe(3);
    expect([...values.keys()]).toEqual(asked);
    expect(values.get('store:k@2')).toBe('value of store:k@2');
    expect(versions.get('store:l')).toBe('v7');
  });

  it('takes text and bytes as they are', async () => {
    const resolver = staticSecrets({ text: 'line\nline\r\n', bytes: Buffer.from('\ufeffä') });
    const { values } = await resolveSecrets(
      [variable('A', 'text'), variable('B', 'bytes')],
      resolver,
      context,
      options,
    );
    expect([...values.values()]).toEqual(['line\nline\r\n', '\ufeffä']);
  });

  it.each([
    ['none', undefined],
    ['something else than a text for one', 7],
  ])('has no version where the resolver tells %s', async (_, version) => {
    const resolver = (() => Promise.resolve({ value: VALUE, version })) as unknown as SecretResolver;
    const { values, versions } = await resolveSecrets([variable('A', 'k')], resolver, context, options);
    expect([values.size, versions.size]).toEqual([1, 0]);
  });

  const answers: [string, unknown, string, RegExp][] = [
    ['undefined', undefined, 'secret.not_found', /was not found/],
    ['null', null, 'secret.not_found', /was not found/],
    ['a number', 42, 'secret.failed', /neither text nor bytes/],
    ['an object without a value', { version: VALUE }, 'secret.failed', /neither text nor bytes/],
    [
      'an object whose value throws',
      Object.defineProperty({}, 'value', {
        get: () => {
          throw new Error(VALUE);
        },
      }),
      'secret.failed',
      /neither/,
    ],
    ['an empty text', '', 'secret.failed', /is empty/],
    ['a NUL', `${VALUE}\0`, 'secret.failed', /holds a NUL/],
    ['bytes that are not UTF-8', Buffer.from([0x68, 0xff]), 'secret.failed', /not valid Unicode/],
    ['half a surrogate pair', `${VALUE}\ud800`, 'secret.failed', /not valid Unicode/],
    ['more than 1 MiB', 'x'.repeat(1024 * 1024 + 1), 'secret.failed', /larger than 1 MiB/],
  ];
  it.each(answers)('refuses %s', async (_, answer, code, message) => {
    const resolver = (() => Promise.resolve(answer)) as unknown as SecretResolver;
    const error = await failure(resolveSecrets([variable('TOKEN', 'api')], resolver, context, options));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
    expect(error).toMatchObject({
      message: expect.stringMatching(/secret "store:api" for variable TOKEN/) as unknown,
    });
    expect(JSON.stringify(error)).not.toContain(VALUE);
  });

  it('accepts exactly 1 MiB', async () => {
    const resolver = staticSecrets({ k: 'x'.repeat(1024 * 1024) });
    expect((await resolveSecrets([variable('A', 'k')], resolver, context, options)).values.size).toBe(1);
  });

  it.each([
    ['rejects', (): Promise<string> => Promise.reject(new Error(VALUE))],
    [
      'throws at once',
      (): Promise<string> => {
        throw Object.assign(new TypeError(VALUE), { value: VALUE });
      },
    ],
  ])('drops everything a resolver says when it %s', async (_, resolver) => {
    const variables = [variable('TOKEN', 'api'), variable('SAME', 'api')];
    const error = await failure(resolveSecrets(variables, resolver, context, options));
    expect(error).toMatchObject({
      code: 'secret.failed',
      message: 'the resolver failed on secret "store:api" for variable TOKEN',
    });
    if (!(error instanceof Error)) throw new Error('not an error');
    expect(error.cause).toBeUndefined();
    expect(`${error.message}${error.stack ?? ''}${JSON.stringify(error)}`).not.toContain(VALUE);
  });

  it('says what to do when there is no resolver, and asks for nothing without variables', async () => {
    const error = await failure(resolveSecrets([variable('A', 'k')], undefined, context, options));
    expect(error).toMatchObject({
      code: 'secret.not_found',
      message: 'no resolver is there for secret "store:k" for variable A',
      hint: expect.stringContaining('resolveSecret') as unknown,
    });
    expect((await resolveSecrets([], undefined, context, options)).values.size).toBe(0);
  });

  it('releases each once, whatever fails, and tells failures without values', async () => {
    const released: string[] = [];
    const resolver: SecretResolver = async (reference) =>
      Promise.resolve({
        value: VALUE,
        release: () => {
          released.push(reference.key);
          if (reference.key === 'throws') throw new Error(VALUE);
          return reference.key === 'rejects' ? Promise.reject(new Error(VALUE)) : undefined;
        },
      });
    const variables = [
      variable('A', 'fine'),
      variable('B', 'throws'),
      variable('C', 'rejects'),
      variable('D', 'fine'),
    ];
    const secrets = await resolveSecrets(variables, resolver, context, options);
    expect(released).toEqual([]);
    const failures = await secrets.release();
    expect(await secrets.release()).toEqual([]);
    expect(released).toEqual(['fine', 'throws', 'rejects']);
    expect(failures).toHaveLength(2);
    expect(failures.join()).not.toContain(VALUE);
    expect(failures.join()).toContain('store:throws');
  });

  it('when one fails, releases those that were had and those that come later', async () => {
    const released: string[] = [];
    let answerLate: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      answerLate = resolve;
    });
    const resolver: SecretResolver = async ({ key }) => {
      const release = (): void => {
        released.push(key);
      };
      if (key === 'late') await late;
      if (key === 'missing') {
        await turns();
        return undefined;
      }
      return { value: VALUE, release };
    };
    const variables = [variable('A', 'early'), variable('B', 'missing'), variable('C', 'late')];
    const error = await failure(resolveSecrets(variables, resolver, context, options));
    expect(error).toMatchObject({ code: 'secret.not_found' });
    expect(released).toEqual(['early']);
    answerLate();
    await turns();
    expect(released).toEqual(['early', 'late']);
  });

  it('ends a resolver that hangs, names it, aborts its signal and releases what it gives later', async () => {
    let seen: AbortSignal | null = null;
    let released = 0;
    let answer: (value: Awaited<ReturnType<SecretResolver>>) => void = () => undefined;
    const resolver: SecretResolver = async ({ key }, given) => {
      if (key === 'quick') return VALUE;
      seen = given.signal;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const variables = [variable('A', 'quick'), variable('B', 'slow'), variable('C', 'slow', '2')];
    const error = await failure(resolveSecrets(variables, resolver, context, { timeoutMs: 20 }));
    expect(error).toMatchObject({
      code: 'secret.timed_out',
      message:
        'not resolved within 20 ms: secret "store:slow" for variable B, secret "store:slow@2" for variable C',
    });
    expect(seen).toMatchObject({ aborted: true });
    answer({ value: VALUE, release: () => void (released += 1) });
    await turns();
    expect(released).toBe(1);
  });

  it('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const resolver: SecretResolver = () => {
      controller.abort(new Error('cancelled'));
      return new Promise(() => undefined);
    };
    const { signal } = controller;
    const work = resolveSecrets([variable('A', 'k')], resolver, context, { timeoutMs: 10_000, signal });
    await expect(work).rejects.toThrow('cancelled');
  });
});
