/** What must not be in the address of an engine that is a URL. It parses none. */

const UNSEEN = /\p{Cc}|^[^/]*\s/u;

/**
 * Whether a URL without its scheme has whitespace in its host, or control characters: a parser of URLs leaves some of them out, and another host would be
 * spoken to than the one that is written. The path of a socket, also by ssh, may have a space in it.
 */
export const hasUnseen = (rest: string): boolean => UNSEEN.test(rest);
