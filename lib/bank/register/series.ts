import { ObjectNotFound, StoreUnavailable, WriteOutcomeUnknown } from '../store/errors.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';

/**
 * A value that is changed by compare-and-set, on a store that can only create: objects `<prefix>/<generation, 10 digits>`, of which the
 * highest holds. The highest is never deleted; a series that is to go gets the last possible generation as its tombstone first.
 * A write that comes too late therefore lies below the highest, where nobody looks.
 */
export interface Series<Value> {
  readonly store: ObjectStore;
  readonly prefix: string;
  /** Reads a stored generation; throws when it is not understood. */
  readonly parse: (bytes: Uint8Array, key: string) => Value;
  /** Whether the write of this id is part of what led to the value. */
  readonly bears: (value: Value, writeId: string) => boolean;
}

export type Head<Value> =
  | { readonly kind: 'absent'; readonly generation: -1 }
  | { readonly kind: 'buried'; readonly generation: typeof TOMBSTONE }
  | { readonly kind: 'live'; readonly generation: number; readonly value: Value };

export const TOMBSTONE = 9_999_999_999;
const ABSENT = { kind: 'absent', generation: -1 } as const;
const BURIED = { kind: 'buried', generation: TOMBSTONE } as const;
const GENERATION = /^[0-9]{10}$/;
/** Reads and writes that others overtake are tried again this often. */
const MAX_TRIES = 8;

export function generationKey(prefix: string, generation: number): string {
  return `${prefix}/${String(generation).padStart(10, '0')}`;
}

/** The series and the generation that a key names; undefined for a key of something else. */
export function splitGenerationKey(
  key: string,
): { prefix: string; generation: number } | undefined {
  const cut = key.lastIndexOf('/');
  const digits = key.slice(cut + 1);
  return cut > 0 && GENERATION.test(digits)
    ? { prefix: key.slice(0, cut), generation: Number(digits) }
    : undefined;
}

/** The series as it is now, or was at a moment after the call began. */
export async function readHead<Value>(
  series: Series<Value>,
  options: CallOptions = {},
): Promise<Head<Value>> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const generation = await highest(series, options);
    const head = await headAt(series, generation, options);
    if (head !== undefined) return head;
  }
  throw new StoreUnavailable(
    `${series.prefix} in ${series.store.location} changed ${MAX_TRIES} times while it was read.`,
  );
}

/** The series if this is its highest generation; undefined when that has been superseded and deleted since it was listed. */
export async function headAt<Value>(
  series: Series<Value>,
  generation: number,
  options: CallOptions = {},
): Promise<Head<Value> | undefined> {
  if (generation === ABSENT.generation) return ABSENT;
  if (generation === BURIED.generation) return BURIED;
  const key = generationKey(series.prefix, generation);
  try {
    const value = series.parse(await series.store.get(key, options), key);
    return { kind: 'live', generation, value };
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

/**
 * Compare-and-set: writes the generation after `expected` and tells whether the write took effect, with the series as it is
 * afterwards. What the store answers does not settle it: an answer may be lost, "exists already" may be about this very write, and a
 * number that others have used and deleted can be created once more. The highest generation settles it: it bears every write that
 * led to it.
 */
export async function compareAndSet<Value>(
  series: Series<Value>,
  expected: number,
  next: { value: Value; writeId: string; body: Uint8Array },
  options: CallOptions = {},
): Promise<{ tookEffect: boolean; head: Head<Value> }> {
  const key = generationKey(series.prefix, expected + 1);
  let unknown: WriteOutcomeUnknown | undefined;
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    let created = false;
    try {
      created = await series.store.putIfAbsent(key, next.body, options);
    } catch (error) {
      if (!(error instanceof WriteOutcomeUnknown)) throw error;
      unknown = error;
    }
    const head = await headAfterWrite(series, expected + 1, created, next, options);
    if (head.kind === 'live' && series.bears(head.value, next.writeId)) {
      return { tookEffect: true, head };
    }
    if (head.generation > expected) return { tookEffect: false, head };
    // Not there: the same bytes once more, so that whichever of the writes arrives first is this one.
  }
  throw (
    unknown ??
    new StoreUnavailable(`${key} was written to ${series.store.location}, and is not listed.`)
  );
}

/** Ends a series for good, whatever writes still come. Safe to repeat. */
export async function bury<Value>(series: Series<Value>, options: CallOptions = {}): Promise<void> {
  const tombstone = generationKey(series.prefix, TOMBSTONE);
  for (let tries = 1; ; tries++) {
    try {
      await series.store.putIfAbsent(tombstone, new Uint8Array(), options);
      break;
    } catch (error) {
      if (!(error instanceof WriteOutcomeUnknown) || tries === MAX_TRIES) throw error;
    }
  }
  await trim(series, TOMBSTONE, options);
}

/** Deletes the generations below one that is known to exist. */
export async function trim<Value>(
  series: Series<Value>,
  below: number,
  options: CallOptions = {},
): Promise<void> {
  const superseded = (await generations(series, options)).filter(
    (generation) => generation < below,
  );
  if (superseded.length === 0) return;
  const keys = superseded.map((generation) => generationKey(series.prefix, generation));
  await series.store.delete(keys, options);
}

async function headAfterWrite<Value>(
  series: Series<Value>,
  written: number,
  created: boolean,
  next: { value: Value },
  options: CallOptions,
): Promise<Head<Value>> {
  if (created && (await highest(series, options)) === written) {
    return { kind: 'live', generation: written, value: next.value };
  }
  return await readHead(series, options);
}

async function highest<Value>(series: Series<Value>, options: CallOptions): Promise<number> {
  return (await generations(series, options)).at(-1) ?? ABSENT.generation;
}

/** Ascending, as keys of ten digits list. */
async function generations<Value>(series: Series<Value>, options: CallOptions): Promise<number[]> {
  const found: number[] = [];
  for await (const { key } of series.store.list(`${series.prefix}/`, options)) {
    const split = splitGenerationKey(key);
    if (split?.prefix === series.prefix) found.push(split.generation);
  }
  return found;
}
