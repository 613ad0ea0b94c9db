import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerOn } from '../../lib/bank/register/register.ts';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { rebuildRegister } from '../../lib/protect/rebuild-register.ts';
import { aBank, backUp, SEGMENT } from '../lib/bank/a-bank.ts';

/*
 * What rebuilding a lost register takes of memory, time and requests: 5,000 checkpoints with a pack, a table and a root each, in a
 * directory. Run: npx node --expose-gc test/bench/rebuild.bench.ts [CHECKPOINTS]
 */
const CHECKPOINTS = Number(process.argv[2] ?? 5000);
const MIB = 2 ** 20;

/** Counts the calls of a store by their names; a list counts once for each thousand keys, as S3 does. */
function counted(store: ObjectStore, counts: Map<string, number>, place: string): ObjectStore {
  const count = (call: string) =>
    counts.set(`${place} ${call}`, (counts.get(`${place} ${call}`) ?? 0) + 1);
  return {
    ...store,
    location: store.location,
    async get(...call) {
      count('get');
      return await store.get(...call);
    },
    async putIfAbsent(...call) {
      count('putIfAbsent');
      return await store.putIfAbsent(...call);
    },
    async *list(...call) {
      let keys = 0;
      count('list');
      for await (const object of store.list(...call)) {
        if (keys > 0 && keys % 1000 === 0) count('list');
        keys += 1;
        yield object;
      }
    },
  };
}

const directory = await mkdtemp(join(tmpdir(), 'rebuild-bench-'));
try {
  const place = (name: string) => directoryStore(join(directory, name));
  const places = { bank: place('bank'), register: place('register'), work: place('work') };
  const bank = await aBank({ access: 'unsealed' }, places);
  for (let number = 0; number < CHECKPOINTS; number += 1) {
    const disk = Buffer.alloc(SEGMENT);
    disk.writeUInt32LE(number + 1);
    await backUp(bank, disk);
  }
  const counts = new Map<string, number>();
  const { keys } = bank;
  const lost = counted(place('new register'), counts, 'register');
  const counting = { ...bank, places: { ...places, bank: counted(places.bank, counts, 'bank') } };
  const register = registerOn({ store: lost, nameKey: keys.nameKey });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 50);
  const startedAt = performance.now();
  const found = await rebuildRegister(counting, register, { dryRun: false, abandonRest: false });
  clearInterval(watch);
  const seconds = (performance.now() - startedAt) / 1000;
  const whole = found.filter(({ state }) => state === 'whole').length;
  process.stdout.write(
    `${String(whole)} of ${String(CHECKPOINTS)} checkpoints in ${seconds.toFixed(1)} s; RSS ${(before / MIB).toFixed(0)} MiB before, at most ${(most / MIB).toFixed(0)} MiB\n`,
  );
  for (const [call, count] of counts) {
    process.stdout.write(`  ${call}: ${String(count)}\n`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
