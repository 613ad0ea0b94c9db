import type { Bank } from '../bank.ts';
import type { Root } from '../format/root.ts';
import type { RootReference } from '../register/record.ts';
import { readRoot } from '../roots.ts';
import type { CallOptions } from '../store/object-store.ts';
import { LruCache } from './lru-cache.ts';

/** Segments and packs of the roots that are kept: one of a disk of 10 TiB, or those of hundreds of usual ones. */
const KEPT_ENTRIES = 256 * 1024;

interface Shared {
  readonly kept: LruCache<string, Root>;
  readonly loading: Map<string, Promise<Root>>;
}

const sharedBy = new WeakMap<Bank, Shared>();

/**
 * As `readRoot`, for workers that each need a part of one root: it is read and checked once in a process and kept for the next of them.
 * A root never changes under its digest. Whoever asks shares one read, which therefore carries no one's signal; nobody may change what
 * is returned.
 */
export async function readSharedRoot(
  bank: Bank,
  ref: RootReference,
  { signal }: CallOptions = {},
): Promise<Root> {
  const shared = sharedBy.get(bank) ?? { kept: new LruCache(KEPT_ENTRIES), loading: new Map() };
  sharedBy.set(bank, shared);
  const name = `${ref.key} ${ref.digest}`;
  const root = shared.kept.get(name) ?? (await load(bank, ref, name, shared));
  signal?.throwIfAborted();
  return root;
}

async function load(bank: Bank, ref: RootReference, name: string, shared: Shared): Promise<Root> {
  const { kept, loading } = shared;
  const underWay = loading.get(name);
  if (underWay !== undefined) return await underWay;
  const reading = readRoot(bank, ref);
  loading.set(name, reading);
  try {
    const root = await reading;
    kept.set(name, root, entriesOf(root));
    return root;
  } finally {
    loading.delete(name);
  }
}

function entriesOf({ disks, packs }: Root): number {
  return disks.reduce((sum, { segments }) => sum + segments.length, packs.length);
}
