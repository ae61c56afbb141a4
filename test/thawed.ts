/** Which parts of plain data are not frozen, by their paths. */
export function thawed(value: unknown, path = 'value'): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) => thawed(each, `${path}.${key}`));
  return Object.isFrozen(value) ? inner : [path, ...inner];
}
