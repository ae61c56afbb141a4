/** Work on files that is tried again while descriptors are short, and only then. */
import { describe, expect, it } from 'vitest';
import { persistently } from '../../src/host/persist.js';

async function tryWith(code: string, failures: number): Promise<number> {
  let tries = 0;
  await persistently(async () => {
    tries += 1;
    if (tries <= failures) throw Object.assign(new Error(code), { code });
    return Promise.resolve();
  }).catch(() => undefined);
  return tries;
}

describe('work that must be done', () => {
  it.each(['EMFILE', 'ENFILE'])('is tried again after %s', async (code) => {
    expect(await tryWith(code, 2)).toBe(3);
  });

  it('is not tried again after anything else', async () => {
    expect(await tryWith('EACCES', 2)).toBe(1);
  });
});
