/** Names of images as they are compared here: in their normal form, and by repository. It asks nobody. */
import { parseImageReference } from '../base/image-reference.js';

/** One spelling for all references to the same; the text itself where it cannot be read. */
export function normalName(text: string): string {
  const parsed = parseImageReference(text);
  return parsed.ok ? parsed.reference.canonical : text;
}

/** Host and path of a reference; the text itself where it cannot be read. */
export function repositoryOf(text: string): string {
  const parsed = parseImageReference(text);
  return parsed.ok ? `${parsed.reference.host}/${parsed.reference.path}` : text;
}

/** Whether an image has a name that is none of these, nor a digest in one of their repositories, which an engine adds by itself. */
export function hasOtherName(
  {
    repoTags,
    repoDigests,
  }: { readonly repoTags: readonly string[]; readonly repoDigests: readonly string[] },
  references: readonly string[],
): boolean {
  const known = new Set(references.map(normalName));
  const repositories = new Set(references.map(repositoryOf));
  return (
    repoTags.some((tag) => !known.has(normalName(tag))) ||
    repoDigests.some((digest) => !repositories.has(repositoryOf(digest)))
  );
}
