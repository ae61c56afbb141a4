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
  const stagesInAnyCase = new Set<string>();
  const variables: Variables = new Map();
  let stageCount = 0;

  const take = (image: string | null, line: string): void => {
    if (image === null || image === '') return void unclear.add(shown(line));
    if (image === 'scratch' || stages.has(image)) return;
    // In another case it is a stage for Docker, and an image for Podman.
    if (stagesInAnyCase.has(image.toLowerCase())) unclear.add(shown(line));
    else images.add(image);
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
        if (stageCount === 0) {
          for (const each of words) declare(each, buildArgs, variables);
          // A blank in quotes, or behind a backslash, is part of a value: what looks like the next variable may be none.
          if (words.length > 1 && /["'\\]/.test(rest))
            for (const each of words) variables.set(each.split('=', 1)[0] ?? '', null);
        }
        break;
      case 'from':
        take(expand(words[0] ?? '', variables), line);
        if (words[1]?.toLowerCase() === 'as' && words[2] !== undefined) {
          stages.add(words[2]);
          stagesInAnyCase.add(words[2].toLowerCase());
        }
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
    if (/\\\\[ \t]*$/.test(line) || hasOddText(trimmed)) unclear.push(shown(trimmed));
    const own = line.replace(CONTINUED, '');
    begun += begun === '' ? own.trimStart() : own;
    if (own.length < line.length) continue;
    lines.push(begun.trim());
    begun = '';
  }
  if (begun.trim() !== '') lines.push(begun.trim());
  return { lines, unclear };
}

/** Whether a text within it begins whose end is written with a `\`. */
const hasOddText = (line: string): boolean =>
  line.split(/\s+/).some((word) => {
    const begin = word.indexOf('<<');
    return begin >= 0 && word.includes('\\', begin);
  });

/** Flags stand first. */
function wordsOf(rest: string): { readonly flags: readonly string[]; readonly words: readonly string[] } {
  const all = rest.split(/\s+/).filter((word) => word !== '');
  const end = all.findIndex((word) => !word.startsWith('--'));
  return end < 0 ? { flags: all, words: [] } : { flags: all.slice(0, end), words: all.slice(end) };
}

/** What is known of variables; null: they have a value, and it is not clear which. */
type Variables = Map<string, string | null>;

function declare(word: string, buildArgs: Readonly<Record<string, string>>, variables: Variables): void {
  const [name = '', ...value] = word.split('=');
  const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
  if (given !== undefined) variables.set(name, given);
  else if (value.length > 0)
    variables.set(name, expand(value.join('=').replace(/^(["'])(.*)\1$/, '$2'), variables));
  // Some builders forget what it had, and others do not.
  else if (variables.has(name)) variables.set(name, null);
}

/** Longer than any reference: variables that are made of each other could grow without end. */
const MAX_EXPANDED = 4_096;

/** Some builders give these a value by themselves. */
const AUTOMATIC = /^(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)$/;

/** Puts variables in; null where one is not known, is put in in a way that is not `$NAME`, `${NAME}` or `${NAME:-text}`, or it grows too long. */
function expand(word: string, variables: Variables): string | null {
  if (word.length > MAX_EXPANDED) return null;
  let isClear = !/["'\\]/.test(word);
  let room = MAX_EXPANDED;
  const text = word.replace(
    /\$(?:([a-z_]\w*)|\{([a-z_]\w*)(?::-([^${}]*))?\})/gi,
    (_, plain: string | undefined, braced: string | undefined, usual: string | undefined) => {
      const name = plain ?? braced ?? '';
      const value = variables.get(name) ?? '';
      room -= value.length;
      if (room < 0 || variables.get(name) === null || AUTOMATIC.test(name)) isClear = false;
      else if (value !== '') return value;
      if (usual === undefined) isClear = false;
      return usual ?? '';
    },
  );
  return isClear && !text.includes('$') ? text : null;
}
