/** Tells by their names which secrets are in data, in whatever form they have there. It masks nothing and gives no value. */
import { type SecretForm, secretForms } from './secret-forms.js';
import { createSecretSearch, type SecretSearch, standsAt, type StreamPiece } from './secret-search.js';

/** A secret and what it may be called. */
export interface NamedSecret {
  readonly name: string;
  readonly value: string | Uint8Array;
}

/** One look through something, for example all files of an output; each secret is told of once. */
export interface SecretScan {
  /** Takes the next bytes. They may be cut anywhere. */
  push(chunk: Uint8Array): void;
  /** Nothing follows; what is pushed next is something else. */
  end(): void;
  /** Looks at one position only, for whoever searches anyway. */
  readonly lookAt: (piece: StreamPiece, position: number) => void;
}

/** Looks for the secrets it was made with. */
export interface SecretScanner {
  /** `onFound` is told the name of each secret when it is met for the first time. */
  start(onFound: (name: string) => void): SecretScan;
}

interface KnownForm {
  readonly name: string;
  readonly form: SecretForm;
}

interface Sought {
  readonly known: readonly KnownForm[];
  readonly search: SecretSearch;
  readonly byFirst: ReadonlyMap<number, readonly KnownForm[]>;
}

const NOTHING = new Uint8Array(0);

/** Prepares a scanner for all forms of {@link secretForms} that are the secret, or enough of it. */
export function createSecretScanner(secrets: readonly NamedSecret[]): SecretScanner {
  const all = toSought(
    secrets.flatMap(({ name, value }) =>
      secretForms(value)
        .filter(({ isFragment }) => !isFragment)
        .map((form) => ({ name, form })),
    ),
  );
  return { start: (onFound) => startScan(all, onFound) };
}

function toSought(known: readonly KnownForm[]): Sought {
  const byFirst = new Map<number, KnownForm[]>();
  for (const each of known) {
    const first = each.form.bytes[0] ?? 0;
    const others = byFirst.get(first);
    if (others === undefined) byFirst.set(first, [each]);
    else others.push(each);
  }
  return { known, search: createSecretSearch(known.map(({ form }) => form)), byFirst };
}

function startScan(all: Sought, onFound: (name: string) => void): SecretScan {
  const found = new Set<string>();
  let sought = all;
  let held: Uint8Array = NOTHING;
  let before: number | null = null;

  const lookAt = (piece: StreamPiece, position: number): void => {
    for (const { name, form } of sought.byFirst.get(piece.data[position] ?? -1) ?? []) {
      if (found.has(name) || !standsAt(piece, position, form)) continue;
      found.add(name);
      onFound(name);
    }
  };
  const take = (data: Uint8Array, isLast: boolean): void => {
    const piece = { data, before, isLast };
    let limit = sought.search.undecidedFrom(piece);
    for (;;) {
      const hits = sought.search.find(piece, limit);
      if (hits.length === 0) break;
      for (const [start] of hits) lookAt(piece, start);
      // What is known is not searched for again: data that repeats one secret without end costs no more than other data.
      sought = toSought(sought.known.filter(({ name }) => !found.has(name)));
      limit = sought.search.undecidedFrom(piece);
    }
    before = data[limit - 1] ?? before;
    // A copy: the caller may use the chunk's memory again.
    held = limit === data.length ? NOTHING : new Uint8Array(data.subarray(limit));
  };
  return {
    push: (chunk) => {
      if (sought.known.length > 0) take(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false);
    },
    end: () => {
      take(held, true);
      held = NOTHING;
      before = null;
    },
    lookAt,
  };
}
