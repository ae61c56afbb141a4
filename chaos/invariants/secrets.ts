/** The fifth invariant: no value of a secret in anything that was recorded, raw or encoded. Pure. */
import type { History } from '../history.js';
import type { Violation } from '../violation.js';

/** Values that stand somewhere in the record. */
export function checkSecrets({ entries, secrets }: History): readonly Violation[] {
  const texts = entries.map((entry) => ({ kind: describe(entry), text: JSON.stringify(entry) }));
  return secrets.flatMap(({ runId, value }) =>
    formsOf(value).flatMap(([form, encoded]) => {
      const found = texts.find(({ text }) => text.includes(encoded));
      if (found === undefined) return [];
      const what = `a secret stands ${form} in ${found.kind}`;
      return [{ invariant: 'secrets_stay_secret' as const, runId, what }];
    }),
  );
}

function describe(entry: History['entries'][number]): string {
  return entry.kind === 'event' ? `the event ${entry.event.type}` : `an entry of the kind ${entry.kind}`;
}

/** As they look within JSON. Of base64 the inner part, which is the same wherever in a text the value stands at a multiple of three bytes. */
function formsOf(value: string): readonly (readonly [form: string, encoded: string])[] {
  const bytes = Buffer.from(value);
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  return [
    ['raw', inJson(value)],
    ['JSON-escaped', inJson(inJson(value))],
    ['URL-escaped', encodeURIComponent(value)],
    ['in base64', bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64')],
    ['in hex', bytes.toString('hex')],
  ];
}
