/** What a Dockerfile takes from elsewhere: images it builds on or copies from, and addresses it adds. Pure; it runs no instruction. */

/** What was found. */
export interface DockerfileSources {
  /** References as they are written, variables put in; `scratch` and stages of the file itself left out. */
  readonly images: readonly string[];
  /** Addresses in `ADD`, which the engine itself would fetch. */
  readonly addresses: readonly string[];
  /** Instructions of which it cannot be said what they take. */
  readonly unclear: readonly string[];
}

/** What Docker takes for an address rather than a path. */
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i;
const MAX_SHOWN = 100;

/**
 * Reads a Dockerfile; in base images the `ARG`s before the first `FROM` and the arguments of the build are put in. Where builders differ in how
 * they read something, it is unclear.
 */
export function readDockerfile(text: string, buildArgs: Readonly<Record<string, string>>): DockerfileSources {
  const { lines, unclear: odd } = instructionsOf(text);
  const images = new Set<string>();
  const addresses = new Set<string>();
  const unclear = new Set(odd);
  const stages = new Set<string>();
  const variables = new Map<string, string>();
  let stageCount = 0;

  const take = (image: string | null, line: string): void => {
    if (image === null || image === '') unclear.add(shown(line));
    else if (image !== 'scratch' && !stages.has(image.toLowerCase())) images.add(image);
  };
  const takeFrom = (flags: readonly string[], line: string): void => {
    for (const flag of flags) {
      const image = fromOf(flag);
      // Only there a number is a stage.
      if (image === null || !/^\d+$/.test(image) || Number(image) >= stageCount) take(image, line);
    }
  };
  for (const line of lines) {
    const [, name = '', rest = ''] = /^(?:onbuild\s+)*([a-z]+)\s+(.*)$/is.exec(line) ?? [];
    const { flags, words } = wordsOf(rest);
    switch (name.toLowerCase()) {
      case 'arg':
        // Those within a stage cannot change a base image.
        if (stageCount === 0) for (const each of words) declare(each, buildArgs, variables);
        break;
      case 'from':
        take(expand(words[0] ?? '', variables), line);
        if (words[1]?.toLowerCase() === 'as' && words[2] !== undefined) stages.add(words[2].toLowerCase());
        stageCount += 1;
        break;
      case 'add':
        // A word of the JSON form has its quotes, brackets and commas about it.
        for (const word of words.map((each) => each.replace(/^[["',]+/, '')))
          if (ADDRESS.test(word) || word.includes('$')) addresses.add(shown(word));
        takeFrom(flags, line);
        break;
      case 'copy':
      case 'run':
        takeFrom(flags, line);
        break;
      default:
    }
  }
  return { images: [...images], addresses: [...addresses], unclear: [...unclear] };
}

const shown = (text: string): string => text.slice(0, MAX_SHOWN);

/** The image a flag names, `scratch` for none, null where it is not clear. Variables are not put in everywhere, so they are not here. */
function fromOf(flag: string): string | null {
  const from = /^--from=(.*)$/is.exec(flag)?.[1] ?? /^--mount=(?:.*,)?from=([^,]*)/is.exec(flag)?.[1];
  if (from === undefined) return 'scratch';
  return /[$"'\\]/.test(from) ? null : from;
}

/** No other blank may stand behind it. */
const CONTINUED = /\\[ \t]*$/;

/** Instructions as one line each, without comments. */
function instructionsOf(text: string): {
  readonly lines: readonly string[];
  readonly unclear: readonly string[];
} {
  const lines: string[] = [];
  const unclear: string[] = [];
  let begun = '';
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const trimmed = line.trim();
    // It would change where instructions end.
    if (/^#\s*escape\s*=\s*[^\\\s]/i.test(trimmed)) unclear.push(shown(trimmed));
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    // Of two at the end some builders see the second as escaped, and the instruction as over. What ends a text within it may end so, too.
    if (/\\\\[ \t]*$/.test(line) || /<<\S*\\/.test(line)) unclear.push(shown(trimmed));
    begun += begun === '' ? line.trimStart() : line;
    if (CONTINUED.test(line)) {
      begun = begun.replace(CONTINUED, '');
      continue;
    }
    lines.push(begun.trim());
    begun = '';
  }
  if (begun.trim() !== '') lines.push(begun.trim());
  return { lines, unclear };
}

/** Flags stand first. */
function wordsOf(rest: string): { readonly flags: readonly string[]; readonly words: readonly string[] } {
  const all = rest.split(/\s+/).filter((word) => word !== '');
  const end = all.findIndex((word) => !word.startsWith('--'));
  return end < 0 ? { flags: all, words: [] } : { flags: all.slice(0, end), words: all.slice(end) };
}

function declare(
  word: string,
  buildArgs: Readonly<Record<string, string>>,
  variables: Map<string, string>,
): void {
  const [name = '', ...value] = word.split('=');
  const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
  const usual =
    value.length === 0 ? null : expand(value.join('=').replace(/^(["'])(.*)\1$/, '$2'), variables);
  const known = given ?? usual;
  if (known === null) variables.delete(name);
  else variables.set(name, known);
}

/** Puts variables in; null where one is not known, or is put in in a way that is not `$NAME`, `${NAME}` or `${NAME:-text}`. */
function expand(word: string, variables: ReadonlyMap<string, string>): string | null {
  let isClear = !/["'\\]/.test(word);
  const text = word.replace(
    /\$(?:([a-z_]\w*)|\{([a-z_]\w*)(?::-([^${}]*))?\})/gi,
    (_, plain: string | undefined, braced: string | undefined, usual: string | undefined) => {
      const value = variables.get(plain ?? braced ?? '') ?? '';
      if (value !== '') return value;
      if (usual === undefined) isClear = false;
      return usual ?? '';
    },
  );
  return isClear && !text.includes('$') ? text : null;
}
