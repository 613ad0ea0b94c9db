import { randomBytes } from 'node:crypto';
import { PutIfAbsentNotProven, WriteOutcomeUnknown } from './errors.ts';
import type { CallOptions, ObjectStore } from './object-store.ts';

const ROUNDS = 4;
const WRITERS = 32;

/**
 * Proves by trying that the store may hold a register: of 32 concurrent writers of a new key exactly one wins, its bytes are what is
 * read, a later writer loses, and all is listed at once. Throws `PutIfAbsentNotProven` otherwise. What it wrote it removes.
 *
 * Servers differ: Ceph's gateway (16) ignores the condition in a bucket with versions, so with Object Lock too; SeaweedFS, versitygw
 * and rustfs had races until 2026; some ignore it always.
 */
export async function provePutIfAbsent(
  store: ObjectStore,
  options: CallOptions = {},
): Promise<void> {
  const prefix = `probe/${randomBytes(16).toString('hex')}`;
  const keys = Array.from({ length: ROUNDS }, (_, round) => `${prefix}/${round}`);
  try {
    for (const key of keys) await proveRace(store, key, options);
    await proveList(store, prefix, keys, options);
  } catch (error) {
    // The signal may have aborted; what was found out matters more than a fault here.
    await store.delete(keys).catch(() => undefined);
    throw error;
  }
  await store.delete(keys, options);
}

async function proveRace(store: ObjectStore, key: string, options: CallOptions): Promise<void> {
  const bodies = Array.from({ length: WRITERS }, () => randomBytes(32));
  const outcomes = await Promise.all(bodies.map((body) => tryPut(store, key, body, options)));
  const bodiesOf = (outcome: Outcome) => bodies.filter((_, writer) => outcomes[writer] === outcome);

  const winners = bodiesOf('won');
  if (winners.length > 1) {
    throw notProven(store, `${winners.length} of ${WRITERS} writers of one key won`);
  }
  const possible = winners.length === 1 ? winners : bodiesOf('unknown');
  if (possible.length === 0) throw notProven(store, `none of ${WRITERS} writers of a new key won`);

  const stored = Buffer.from(await store.get(key, options));
  if (!possible.some((body) => body.equals(stored))) {
    throw notProven(store, 'what is read is not what the winner wrote');
  }
  const isRefused = (await tryPut(store, key, randomBytes(32), options)) !== 'won';
  if (!isRefused || !stored.equals(await store.get(key, options))) {
    throw notProven(store, 'an object that existed was replaced');
  }
}

async function proveList(
  store: ObjectStore,
  prefix: string,
  keys: readonly string[],
  options: CallOptions,
): Promise<void> {
  const listed: string[] = [];
  for await (const { key } of store.list(`${prefix}/`, options)) listed.push(key);
  if (listed.join() !== keys.join()) {
    throw notProven(store, `it lists ${listed.length} of ${keys.length} objects just written`);
  }
}

type Outcome = 'won' | 'lost' | 'unknown';

async function tryPut(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  options: CallOptions,
): Promise<Outcome> {
  try {
    return (await store.putIfAbsent(key, body, options)) ? 'won' : 'lost';
  } catch (error) {
    if (error instanceof WriteOutcomeUnknown) return 'unknown';
    throw error;
  }
}

function notProven({ location }: ObjectStore, found: string): PutIfAbsentNotProven {
  return new PutIfAbsentNotProven(
    `${location} cannot hold the register: ${found}. Give the register a place of its own (SNAPBANK_REGISTER): an unversioned bucket without Object Lock, another server, or a directory.`,
    { identifiers: { location } },
  );
}
