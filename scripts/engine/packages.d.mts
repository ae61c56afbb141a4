/** Why there can be no private engine here; null if there can. */
export function privateEngineProblem(): string | null;
