/** Text to data: JSON or YAML, with line and column of what is wrong. Reads no file. */
import { type Document, LineCounter, parseDocument as parseYamlDocument, visit } from 'yaml';
import { documentError, type DocumentKind } from './input-error.js';
import { tooDeepAt } from './yaml-depth.js';

/** Uses of aliases; more could make a small file grow without end. */
const MAX_ALIASES = 100;

/** Where the text is from, for messages and for the choice of the language. */
export interface DocumentSource {
  readonly name: string;
  readonly kind: DocumentKind;
}

/**
 * A file named `*.json` has to be JSON; anything else is JSON if it reads as such, and YAML 1.2 otherwise. YAML is taken strictly: one
 * document, no key twice, no tags beyond the core ones.
 *
 * @throws `validation.invalid_job` or `config.invalid`, naming line and column.
 */
export function parseDocument(text: string, source: DocumentSource): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!source.name.endsWith('.json')) return parseYaml(text, source);
    const message = error instanceof Error ? error.message : String(error);
    throw problem(source, positionOf(text, message), `is not JSON: ${message}`);
  }
}

interface Position {
  readonly line: number;
  readonly col: number;
}

function parseYaml(text: string, source: DocumentSource): unknown {
  const lines = new LineCounter();
  const locate = (offset: number | undefined): Position | null =>
    offset === undefined ? null : lines.linePos(offset);
  // Each step of the parser keeps within its stack only if nothing is nested too deep.
  const deep = tooDeepAt(text);
  if (deep !== null) throw problem(source, deep, 'is nested too deep');
  const options = { lineCounter: lines, prettyErrors: false } as const;
  const document = parseYamlDocument(text, options);
  const first = [...document.errors, ...document.warnings].sort((one, two) => one.pos[0] - two.pos[0])[0];
  if (first !== undefined) {
    const message = first.code === 'MULTIPLE_DOCS' ? 'holds more than one document' : first.message;
    throw problem(source, locate(first.pos[0]), `is not valid YAML: ${message}`);
  }
  const lost = unknownAlias(document);
  if (lost !== null)
    throw problem(source, locate(lost.offset), `is not valid YAML: unknown alias *${lost.name}`);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw problem(source, null, `cannot be read as YAML: ${message}`);
  }
}

/** The library finds these only when it makes data of the document, and then without a place. */
function unknownAlias(
  document: Document,
): { readonly name: string; readonly offset: number | undefined } | null {
  let found: { readonly name: string; readonly offset: number | undefined } | null = null;
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      found = { name: alias.source, offset: alias.range?.[0] };
      return visit.BREAK;
    },
  });
  return found;
}

/** The place the JSON parser names; where it names none, it met the end of the text too early. */
function positionOf(text: string, message: string): Position {
  const named = /position (\d+)/.exec(message)?.[1];
  const before = text.slice(0, named === undefined ? text.length : Number(named)).split('\n');
  return { line: before.length, col: (before.at(-1) ?? '').length + 1 };
}

function problem(source: DocumentSource, position: Position | null, message: string): Error {
  const place = position === null ? '' : `:${String(position.line)}:${String(position.col)}`;
  return documentError(source.kind, `${source.name}${place}`, message);
}
