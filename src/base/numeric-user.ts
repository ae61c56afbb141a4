/** Users as numbers, `uid[:gid]`: names would mean what the image says they mean. */

/** The two numbers; no group is as it was written. */
interface NumericUser {
  readonly uid: number;
  readonly gid: number | null;
}

/** What it looks like. */
export const NUMERIC_USER = /^(\d{1,10})(?::(\d{1,10}))?$/;
/** What is wrong with what looks otherwise. */
export const NOT_NUMERIC = 'must be numeric uid or uid:gid, for example "1000:1000"';

/** What engines take: "uids and gids must be in range 0-2147483647" is what starting a container with more comes to. */
const MAX_ID = 2_147_483_647;
/** What is wrong with numbers beyond that. */
export const ID_TOO_HIGH = `must have numbers up to ${String(MAX_ID)}`;

/** Reads a user; null: it has another form. */
export function readNumericUser(text: string): NumericUser | null {
  const [, uid, gid] = NUMERIC_USER.exec(text) ?? [];
  return uid === undefined ? null : { uid: Number(uid), gid: gid === undefined ? null : Number(gid) };
}

/** Whether engines take the numbers. */
export const areUsableIds = ({ uid, gid }: NumericUser): boolean => Math.max(uid, gid ?? 0) <= MAX_ID;

/** The same of a text; true for one that has another form. */
export function hasUsableIds(text: string): boolean {
  const user = readNumericUser(text);
  return user === null || areUsableIds(user);
}
