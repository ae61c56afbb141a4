/** What an engine says of a pull without the names it repeats: somebody else chose those, and they may be words that mean something. Pure. */
import { parseImageReference } from '../../base/image-reference.js';

/** What stands in the place of a name. */
const NAME = '…';
const URL = /\b(?:https?|docker):\/\/[^\s"']+/g;
/** Also the hosts a registry sends engines on to. */
const LOOKED_UP = /\blookup [^\s:]+/g;
const OFFICIAL = 'library/';

/** The text without addresses, and without host, path and tag of the reference in the forms engines write them. Only to be matched, never to be shown. */
export function wordsOf(text: string, reference: string): string {
  const words = text.replace(URL, NAME).replace(LOOKED_UP, `lookup ${NAME}`);
  const parsed = parseImageReference(reference);
  if (!parsed.ok) return words.replaceAll(reference, NAME);
  const { host, path, tag } = parsed.reference;
  const familiar = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  const paths = [`${host}/${path}`, `${host}/${familiar}`, path, familiar];
  const tagged = tag === null ? [] : paths.map((each) => `${each}:${tag}`);
  // A name of one word is only taken out where nothing but a name can stand: words like `denied` decide.
  const single = [`for ${familiar},`, ...(tag === null ? [] : [`manifest ${tag} in `])];
  const names = [reference, ...tagged, ...paths, host].filter((name) => /[./:]/.test(name));
  return [...names, ...single].reduce((rest, name) => rest.replaceAll(name, NAME), words);
}
