import type { CallOptions } from '../store/object-store.ts';
import type { Register } from './register.ts';
import { FORMAT_VERSION } from '../format-version.ts';

/** A mark's name holds the whole key of the object that is damaged, so that one listing tells all. */
const PREFIX = 'damaged/';

export interface Damage {
  /** Of a root, a segment or a pack in the bank. */
  readonly key: string;
  /** Name of the error by which it was found. */
  readonly error: string;
}

/**
 * Notes objects of the bank that verification found damaged or missing: the next backup takes nothing from them. Advice only, and safe
 * to repeat; a mark that is lost is found again by the next verification.
 */
export async function markDamaged(
  { store, clock }: Register,
  damages: Iterable<Damage>,
  options: CallOptions = {},
): Promise<void> {
  const at = new Date(clock.now()).toISOString();
  for (const { key, error } of damages) {
    const body = JSON.stringify({ version: FORMAT_VERSION, key, error, at });
    await store.put(`${PREFIX}${key}`, Buffer.from(`${body}\n`), options);
  }
}

/** Takes marks back, of objects that were found sound again: somebody has restored them from a copy. */
export async function clearDamage(
  { store }: Register,
  keys: readonly string[],
  options: CallOptions = {},
): Promise<void> {
  const marks = keys.map((key) => `${PREFIX}${key}`);
  if (marks.length > 0) await store.delete(marks, options);
}

/** The keys of all objects that are marked. */
export async function readDamageMarks(
  { store }: Register,
  options: CallOptions = {},
): Promise<ReadonlySet<string>> {
  const marked = new Set<string>();
  for await (const { key } of store.list(PREFIX, options)) marked.add(key.slice(PREFIX.length));
  return marked;
}
