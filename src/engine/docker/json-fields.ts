/** Reading fields of JSON that came from outside: every reader answers, whatever is there. No names of fields here. */

/** A JSON object, not yet looked into. */
export type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object, or an empty one. */
export const toObject = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** The list, or an empty one. */
export const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The text, or an empty one. */
export const toText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The text, or null if there is none or it is empty. */
export const toTextOrNull = (value: unknown): string | null => {
  const text = toText(value);
  return text === '' ? null : text;
};

/** The finite number, or null. */
export const toNumberOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** The texts in a list. */
export const toTexts = (value: unknown): readonly string[] =>
  toList(value).filter((entry) => typeof entry === 'string');

/** The entries of an object whose values are texts. */
export const toTextMap = (value: unknown): Readonly<Record<string, string>> =>
  // fromEntries defines own properties, so a label named `__proto__` stays a label.
  Object.fromEntries(
    Object.entries(toObject(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
