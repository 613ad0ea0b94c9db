import { WriteOutcomeUnknown } from '../store/errors.ts';
import { getIfThere } from '../store/get-if-there.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';
import { RecordUnreadable } from './errors.ts';
import { mapInOrder } from './in-order.ts';

/**
 * A value that is changed by compare-and-set, on a store that can only create: objects `<prefix>/<generation, 10 digits>`, of which the
 * highest holds. A change creates the next number.
 *
 * Nothing is deleted from a series that lives. One that is to go is buried: it gets the last possible generation as its tombstone, for
 * ever, and only then are the others deleted. A request that arrives later may create a deleted number anew; so whoever read or wrote a
 * generation looks for the tombstone after that. While there is none, nothing was ever deleted, and every number was created once.
 */
export interface Series<Value extends { readonly writeId: string }> {
  readonly store: ObjectStore;
  readonly prefix: string;
  readonly encode: (value: Value, key: string) => Uint8Array;
  /** Throws when the bytes are not understood. */
  readonly decode: (bytes: Uint8Array, key: string) => Value;
  /** Whether the series may be deleted without a tombstone. Only where late writes do no harm. */
  readonly vanishes: boolean;
}

export type Head<Value> =
  | { readonly kind: 'absent'; readonly generation: -1 }
  | { readonly kind: 'buried'; readonly generation: typeof TOMBSTONE }
  | { readonly kind: 'live'; readonly generation: number; readonly value: Value };

export const TOMBSTONE = 9_999_999_999;
const ABSENT = { kind: 'absent', generation: -1 } as const;
const BURIED = { kind: 'buried', generation: TOMBSTONE } as const;
const GENERATION = /^[0-9]{10}$/;
/** Times a write is repeated whose answer is lost. */
const MAX_TRIES = 8;

export function generationKey(prefix: string, generation: number): string {
  return `${prefix}/${String(generation).padStart(10, '0')}`;
}

/** A series as its keys alone show it. */
export interface ListedSeries {
  readonly prefix: string;
  /** The highest. */
  readonly generation: number;
  /** How many there are. */
  readonly count: number;
}

/** The series below a prefix, ascending by their prefixes; those behind the series `after`, if given. */
export async function* listSeries(
  store: ObjectStore,
  prefix: string,
  { after, ...options }: CallOptions & { after?: string } = {},
): AsyncGenerator<ListedSeries, void, undefined> {
  let last: ListedSeries | undefined;
  const startAfter = after === undefined ? {} : { startAfter: generationKey(after, TOMBSTONE) };
  for await (const { key } of store.list(prefix, { ...options, ...startAfter })) {
    const next = splitGenerationKey(key);
    if (next === undefined) {
      throw new RecordUnreadable(
        `${key} lies in the register ${store.location} and is no record.`,
        {
          identifiers: { key },
        },
      );
    }
    const isSame = last?.prefix === next.prefix;
    if (last !== undefined && !isSame) yield last;
    last = { ...next, count: isSame ? (last?.count ?? 0) + 1 : 1 };
  }
  if (last !== undefined) yield last;
}

/** The series as it was at a moment after the call began. */
export async function readHead<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  options: CallOptions = {},
): Promise<Head<Value>> {
  return await readListed(series, (await generations(series, options)).at(-1) ?? -1, options);
}

/** The series as it was when `highest` was its highest generation, or as it ended since. */
export async function readListed<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  highest: number,
  options: CallOptions = {},
): Promise<Head<Value>> {
  if (highest < 0) return ABSENT;
  return highest === TOMBSTONE ? BURIED : await readGeneration(series, highest, options);
}

/**
 * Compare-and-set: writes the generation after `expected`, unless it exists, and tells whether this write made it. An answer may be
 * lost, and "exists already" may be about this very write; the write's id in the generation settles it.
 */
export async function compareAndSet<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  expected: number,
  value: Value,
  options: CallOptions = {},
): Promise<boolean> {
  const generation = expected + 1;
  const key = generationKey(series.prefix, generation);
  const body = series.encode(value, key);
  for (let tries = 1; ; tries++) {
    try {
      const created = await series.store.putIfAbsent(key, body, options);
      if (created) return !(await isBuried(series, options));
      const head = await readGeneration(series, generation, options);
      return head.kind === 'live' && head.value.writeId === value.writeId;
    } catch (error) {
      // The same bytes once more: whichever of the requests arrives first, it is this write.
      if (!(error instanceof WriteOutcomeUnknown) || tries === MAX_TRIES) throw error;
    }
  }
}

/** Whether a burial was interrupted, or a late write came after it: beside the tombstone there is something still. */
export function isOpenGrave({ generation, count }: Pick<ListedSeries, 'generation' | 'count'>) {
  return generation === TOMBSTONE && count > 1;
}

/** Ends a series for good, whatever writes still come. Safe to repeat. */
export async function bury<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  options: CallOptions = {},
): Promise<void> {
  const tombstone = generationKey(series.prefix, TOMBSTONE);
  for (let tries = 1; ; tries++) {
    try {
      await series.store.putIfAbsent(tombstone, new Uint8Array(), options);
      break;
    } catch (error) {
      if (!(error instanceof WriteOutcomeUnknown) || tries === MAX_TRIES) throw error;
    }
  }
  await deleteGenerations(series, options);
}

/** Deletes all generations but the tombstone. */
export async function deleteGenerations<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  options: CallOptions = {},
): Promise<void> {
  const found = await generations(series, options);
  const keys = found
    .filter((generation) => generation !== TOMBSTONE)
    .map((generation) => generationKey(series.prefix, generation));
  if (keys.length > 0) await series.store.delete(keys, options);
}

/**
 * Several series below one prefix, ascending by theirs, as `readListed` gives each. Looks for all their tombstones by one list after the
 * reads, where a look for each would double the requests.
 */
export async function readListedTogether<Value extends { readonly writeId: string }>(
  listed: readonly { readonly series: Series<Value>; readonly highest: number }[],
  { below, readsAtOnce, ...options }: CallOptions & { below: string; readsAtOnce: number },
): Promise<Head<Value>[]> {
  const got: (Uint8Array | undefined)[] = [];
  const reads = mapInOrder(listed, readsAtOnce, async ({ series, highest }) =>
    isToBeRead(highest) ? await getGeneration(series, highest, options) : undefined,
  );
  for await (const bytes of reads) got.push(bytes);
  const read = listed.filter(({ highest }) => isToBeRead(highest)).map(({ series }) => series);
  const buried = await buriedAmong(read, below, options);
  return listed.map(({ series, highest }, index) => {
    if (highest < 0) return ABSENT;
    if (highest === TOMBSTONE || buried.has(series.prefix)) return BURIED;
    return headOf(series, highest, got[index]);
  });
}

function isToBeRead(highest: number): boolean {
  return highest >= 0 && highest !== TOMBSTONE;
}

/** The prefixes of those that have a tombstone now. */
async function buriedAmong<Value extends { readonly writeId: string }>(
  series: readonly Series<Value>[],
  below: string,
  options: CallOptions,
): Promise<Set<string>> {
  const buried = new Set<string>();
  const [first, last] = [series[0], series.at(-1)];
  if (first === undefined || last === undefined) return buried;
  const end = generationKey(last.prefix, TOMBSTONE);
  const startAfter = generationKey(first.prefix, 0);
  for await (const { key } of first.store.list(below, { ...options, startAfter })) {
    if (key > end) break;
    const split = splitGenerationKey(key);
    if (split?.generation === TOMBSTONE) buried.add(split.prefix);
  }
  return buried;
}

/** What was first written there, or how the series ended. */
async function readGeneration<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  generation: number,
  options: CallOptions,
): Promise<Head<Value>> {
  const bytes = await getGeneration(series, generation, options);
  // Only now: before this, the bytes may be those of a late write to a number that was deleted.
  if (await isBuried(series, options)) return BURIED;
  return headOf(series, generation, bytes);
}

async function getGeneration<Value extends { readonly writeId: string }>(
  { store, prefix }: Series<Value>,
  generation: number,
  options: CallOptions,
): Promise<Uint8Array | undefined> {
  return await getIfThere(store, generationKey(prefix, generation), options);
}

/** Of a series that had no tombstone after the generation was read. */
function headOf<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  generation: number,
  bytes: Uint8Array | undefined,
): Head<Value> {
  const key = generationKey(series.prefix, generation);
  if (bytes !== undefined) return { kind: 'live', generation, value: series.decode(bytes, key) };
  if (series.vanishes) return ABSENT;
  throw new RecordUnreadable(
    `${key} in the register was there and is not, and there is no tombstone: something other than snapbank deletes from ${series.store.location}.`,
    { identifiers: { key } },
  );
}

async function isBuried<Value extends { readonly writeId: string }>(
  { store, prefix }: Series<Value>,
  options: CallOptions,
): Promise<boolean> {
  return (await store.size(generationKey(prefix, TOMBSTONE), options)) !== undefined;
}

/** The series and the generation that a key names; undefined for a key of something else. */
function splitGenerationKey(key: string): { prefix: string; generation: number } | undefined {
  const cut = key.lastIndexOf('/');
  const digits = key.slice(cut + 1);
  return cut > 0 && GENERATION.test(digits)
    ? { prefix: key.slice(0, cut), generation: Number(digits) }
    : undefined;
}

/** Ascending, as keys of ten digits list. */
async function generations<Value extends { readonly writeId: string }>(
  series: Series<Value>,
  options: CallOptions,
): Promise<number[]> {
  const found: number[] = [];
  for await (const { key } of series.store.list(`${series.prefix}/`, options)) {
    const split = splitGenerationKey(key);
    if (split?.prefix === series.prefix) found.push(split.generation);
  }
  return found;
}
