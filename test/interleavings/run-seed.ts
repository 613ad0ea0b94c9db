import { drawRandomBytesFrom } from './seeded-process.ts';
import { aBank } from '../lib/bank/a-bank.ts';
import { BankLife } from './bank-life.ts';
import { BankBroken, Observer } from './observer.ts';
import { Scheduler } from './scheduler.ts';
import { expectSettled } from './settled-bank.ts';
import type { Stores } from './stores.ts';

/** More than all that is under way needs to end. */
const STEPS_TO_END = 100_000;
/** Longer than any lease and than the undelete window. */
const LATER_MILLISECONDS = 2 * 24 * 3600 * 1000;
/** Collections after which nothing is left to do, whatever happened: fence, delete, compact, delete what was compacted, and once more. */
const MAX_LAST_COLLECTIONS = 6;

/** What happened in a run. */
export interface SeedCounts {
  steps: number;
  faults: number;
  kills: number;
  checkpoints: number;
  pruned: number;
  collections: number;
  compactedCheckpoints: number;
  deletedObjects: number;
  /** Of what packs store at the end. */
  wasteShare: number;
}

/**
 * Backups, restores, verifications, prunes, collections and compactions of one bank, in an order, with failures and deaths that are drawn
 * from the seed. After each step all that is promised must hold; at the end the bank holds what was not pruned, whole, and nothing else.
 * Throws what does not hold.
 */
export async function runSeed(seed: number, stores: Stores): Promise<SeedCounts> {
  const scheduler = new Scheduler(seed);
  drawRandomBytesFrom((size) => scheduler.bytes(size));
  const observer = new Observer();
  const places = await stores.open(seed, scheduler);
  try {
    observer.bank = await aBank(scheduler.chance(0.5) ? {} : { access: 'unsealed' }, {
      bank: observer.watch(places.bank, 'bank'),
      register: observer.watch(places.register, 'register'),
      work: places.work,
    });
    const life = new BankLife(scheduler, observer);
    const check = () => observer.check();
    scheduler.isRough = false;
    scheduler.start(() => life.begin());
    await scheduler.run(STEPS_TO_END, check);
    scheduler.isRough = true;
    life.start();
    await scheduler.run(stores.steps * (life.isForCompactions ? 2 : 1), check);
    life.end();
    if (scheduler.chance(0.5)) life.kill();
    await scheduler.run(STEPS_TO_END, check);
    await comeToRest(life, scheduler, observer);
    const { wasteShare } = await expectSettled(observer);
    return {
      steps: scheduler.steps,
      faults: scheduler.faults,
      kills: scheduler.kills,
      checkpoints: observer.committed.size,
      pruned: [...observer.committed.keys()].filter((key) => observer.over.has(key)).length,
      collections: life.collections,
      compactedCheckpoints: observer.compactions,
      deletedObjects: observer.deletedObjects,
      wasteShare,
    };
  } finally {
    await stores.clear(seed);
  }
}

/** Collects until there is nothing left to do. */
async function comeToRest(life: BankLife, scheduler: Scheduler, observer: Observer): Promise<void> {
  scheduler.isRough = false;
  for (let collection = 1; ; collection++) {
    scheduler.pass(LATER_MILLISECONDS);
    let isDone = false;
    const before = observer.registerKeys('records/');
    scheduler.start(async () => {
      const summary = await life.collect();
      if (summary === undefined) throw new Error('A quiet collection failed.');
      const { dead, compaction, fencedCheckpoints, buriedCheckpoints } = summary;
      const { emptied, failed } = compaction;
      isDone =
        dead.objects + emptied.objects + failed + fencedCheckpoints + buriedCheckpoints === 0;
    });
    await scheduler.run(STEPS_TO_END, () => observer.check());
    const after = observer.registerKeys('records/');
    if (isDone && after.length > before.length) {
      throw new BankBroken('A collection that has nothing to do changes records.');
    }
    if (isDone) return;
    if (collection === MAX_LAST_COLLECTIONS) {
      throw new Error(`After ${collection} quiet collections there still is something to do.`);
    }
  }
}
