/** How deep a YAML text is nested, without recursion: composing what is too deep would end the process, not throw. */
import { type CST, LineCounter, Parser } from 'yaml';

/** Deeper than any definition or configuration can be. */
const MAX_DEPTH = 100;

/** The place of the first thing nested too deep, or null. */
export function tooDeepAt(text: string): { readonly line: number; readonly col: number } | null {
  const lines = new LineCounter();
  const pending: { readonly token: CST.Token; readonly depth: number }[] = [];
  for (const token of new Parser(lines.addNewLine).parse(text)) pending.push({ token, depth: 0 });
  let first: number | null = null;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) first = Math.min(first ?? token.offset, token.offset);
    else for (const child of childrenOf(token)) pending.push({ token: child, depth: depth + 1 });
  }
  return first === null ? null : lines.linePos(first);
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  switch (token.type) {
    case 'document':
      return token.value === undefined ? [] : [token.value];
    case 'block-map':
    case 'block-seq':
    case 'flow-collection':
      return token.items.flatMap(({ key, value }) => [key, value].filter((part) => part != null));
    default:
      return [];
  }
}
