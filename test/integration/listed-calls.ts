/** The list of calls to the engine in the documentation, and calls in its words. */
import { readFile } from 'node:fs/promises';

const PAGE = new URL('../../docs/engine-api.md', import.meta.url);

/** What the page allows. */
export interface ListedCalls {
  /** What a run cannot do without. */
  readonly core: readonly string[];
  readonly all: readonly string[];
}

/** Reads the page. */
export async function readListedCalls(): Promise<ListedCalls> {
  const page = await readFile(PAGE, 'utf8');
  const callsIn = (text: string): readonly string[] =>
    Array.from(text.matchAll(/^\| `([A-Z]+ \/[^`]*)`/gm), ([, call]) => call ?? '');
  return { core: callsIn(page.split('\n## Only where')[0] ?? ''), all: callsIn(page) };
}

/** The call as the page writes it. `path`: without query and version. */
export function asListed({ method, path }: { readonly method: string; readonly path: string }): string {
  const template = path
    .replace(/^\/images\/(?!create$|load$|json$).+?(\/(?:json|tag|history|push|get))?$/, '/images/{name}$1')
    .replace(/^\/distribution\/.+\/json$/, '/distribution/{name}/json')
    .replace(/^\/volumes\/(?!create$)[^/]+$/, '/volumes/{name}')
    .replace(/^\/containers\/(?!json$|create$)[^/{]+/, '/containers/{id}');
  return `${method} ${template}`;
}
