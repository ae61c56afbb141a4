/** Keeps credentials out of texts that are shown again. It knows the form `user:password@host`, not secrets by their value. */

/** The text without what stands before an `@`, which may be a password; an image's digest stays. */
export function withoutCredentials(text: string): string {
  return text.replace(/^[^]*@(?!sha(?:256|384|512):)/, '…@');
}
