import { createSecretKey } from 'node:crypto';
import { CollectionState } from '../../lib/bank/collect/collection-state.ts';
import {
  estimateOf,
  markLive,
  SHARES,
  sortedObjects,
} from '../../lib/bank/collect/plan-collection.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { ObjectNotFound } from '../../lib/bank/store/errors.ts';
import type { ObjectStore, StoredObject } from '../../lib/bank/store/object-store.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';

/*
 * What marking takes of memory and time in a bank of 100,000 checkpoints and 1,000,000 packs, of which a seventh of the checkpoints is given
 * up. The bank is made up while it is listed and read, so that the memory is the collector's own; roots are lists of names, so that the
 * time is without reading, opening and decoding them. Run: npm run bench:collect
 */
const CHECKPOINTS = 100_000;
const SERVERS = 1000;
const PACKS_OF_CHECKPOINT = 10;
/** Of earlier checkpoints, so many are still needed. */
const INHERITED = 10;
const PACK_BYTES = 64 * 2 ** 20;
const MIB = 2 ** 20;

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
/** Ids in the order of their numbers; those of one server are together. */
const idOf = (number: number) =>
  `${hex(Math.imul(number, 2_654_435_761) >>> 0, 8)}${hex(number, 8)}${hex(number % SERVERS, 8)}`;
const ids = Array.from({ length: CHECKPOINTS }, (_, number) => idOf(number)).sort();
const numberOf = (id: string) => Number.parseInt(id.slice(8, 16), 16);
const isGivenUp = (number: number) => number % 7 === 0;

function* packsOf(number: number): Generator<string> {
  for (let n = 0; n < PACKS_OF_CHECKPOINT; n++)
    yield `packs/${idOf(number)}/0-${n}-0123456789abcdef-0`;
}

function namesOf(number: number): { key: string; usedBytes?: number }[] {
  const names: { key: string; usedBytes?: number }[] = [];
  for (const key of packsOf(number)) names.push({ key, usedBytes: PACK_BYTES });
  const [parent] = [number - SERVERS];
  if (parent !== undefined && parent >= 0) {
    for (const key of packsOf(parent)) {
      names.push({ key, usedBytes: PACK_BYTES / 4 });
      if (names.length === PACKS_OF_CHECKPOINT + INHERITED) break;
    }
  }
  return [{ key: `segments/${idOf(number)}/0-0-0123456789abcdef` }, ...names];
}

const modifiedAt = new Date(0);
function* objectsOf(prefix: string): Generator<StoredObject> {
  const [kind = ''] = prefix.split('/');
  for (const id of ids) {
    if (!`${kind}/${id}`.startsWith(prefix)) continue;
    if (kind === 'roots')
      yield { key: `roots/${id}-0123456789abcdef`, sizeBytes: 5000, modifiedAt };
    if (kind === 'segments') {
      yield { key: `segments/${id}/0-0-0123456789abcdef`, sizeBytes: 200_000, modifiedAt };
    }
    if (kind !== 'packs') continue;
    for (const key of packsOf(numberOf(id))) yield { key, sizeBytes: PACK_BYTES, modifiedAt };
  }
}

const empty = memoryStore({ location: 'memory:none' });
const bank: ObjectStore = {
  ...empty,
  async *list(prefix) {
    yield* objectsOf(prefix);
  },
};
const byServer = ids.toSorted((one, other) =>
  one.slice(16) + one < other.slice(16) + other ? -1 : 1,
);
const store: ObjectStore = {
  ...empty,
  async *list(prefix, options) {
    if (!prefix.startsWith('records/')) return;
    for (const id of byServer) {
      const key = `records/${id.slice(16)}/${id}/0000000001`;
      if (key.startsWith(prefix) && key > (options?.startAfter ?? '')) {
        yield { key, sizeBytes: 600, modifiedAt };
      }
    }
  },
  size: async () => undefined,
  async get(key) {
    const id = key.split('/')[2] ?? '';
    if (!key.startsWith('records/')) throw new ObjectNotFound(key);
    const at = '2026-01-02T03:04:05.000Z';
    const record = {
      version: 0,
      checkpoint: id,
      server: { cloud: 'cloud', region: 'one', projectId: 'p', serverId: id.slice(16) },
      createdAt: at,
      execution: { id: 'bench' },
      state: isGivenUp(numberOf(id)) ? 'COLLECTING' : 'COMMITTED',
      root: { key: `roots/${id}-0123456789abcdef`, digest: '0'.repeat(64) },
      since: at,
      writeId: 'bench',
      summary: 'x'.repeat(200),
    };
    return Buffer.from(JSON.stringify(record));
  },
};

let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 50);

const atRest = process.memoryUsage.rss();
const state = new CollectionState();
const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
await markLive(
  {
    bank,
    register: registerOn({ store, nameKey: createSecretKey(new Uint8Array(32)) }),
    namesIn: async ({ key }) => namesOf(numberOf(key.slice('roots/'.length))),
    undeleteSeconds: 0,
  },
  state,
);
const { listed, dead, sparseness } = estimateOf(state);
const sorted = { dead: 0, sparse: 0 };
for (const share of SHARES) {
  for await (const { as } of sortedObjects(bank, state, share)) sorted[as] += 1;
}
let stateBytes = 0;
for (const piece of state.encode()) stateBytes += piece.length;
clearInterval(watch);
peak = Math.max(peak, process.memoryUsage.rss());
const { user, system } = process.cpuUsage(cpu);

const lines = [
  `${String(listed.objects)} objects of ${String(CHECKPOINTS)} checkpoints; ${String(dead.objects)} dead, ${String(sorted.dead)} listed to be deleted, ${String(sorted.sparse)} packs to be rewritten`,
  `waste ${((100 * sparseness.wasteBytes) / sparseness.packBytes).toFixed(1)} % of what packs store`,
  `resident at most ${(peak / MIB).toFixed(0)} MiB, ${(atRest / MIB).toFixed(0)} MiB before it began; the state written down takes ${(stateBytes / MIB).toFixed(0)} MiB`,
  `${((performance.now() - startedAt) / 1000).toFixed(1)} s, of CPU ${((user + system) / 1e6).toFixed(1)} s`,
];
process.stdout.write(`${lines.join('\n')}\n`);
