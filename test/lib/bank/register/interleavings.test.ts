import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CollectionState } from '../../../../lib/bank/collect/collection-state.ts';
import { buryDead, deleteListed } from '../../../../lib/bank/collect/delete-collected.ts';
import { CollectionOvertaken } from '../../../../lib/bank/collect/errors.ts';
import { markLive, SHARES, sortedObjects } from '../../../../lib/bank/collect/plan-collection.ts';
import { readBasePointer, writeBasePointer } from '../../../../lib/bank/register/base-pointer.ts';
import { claimCheckpoint, renewClaim, replaceRoot } from '../../../../lib/bank/register/claim.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import {
  BackupInProgress,
  CheckpointFenced,
  CheckpointNotFound,
  CheckpointStateRefused,
  PinFenced,
} from '../../../../lib/bank/register/errors.ts';
import type { BootImage } from '../../../../lib/bank/register/ids.ts';
import { renewLease } from '../../../../lib/bank/register/lease.ts';
import { openCheckpoint } from '../../../../lib/bank/register/open-checkpoint.ts';
import {
  pruneCheckpoint,
  undeleteCheckpoint,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { openPin, releasePin, renewPin } from '../../../../lib/bank/register/reader-pin.ts';
import { ancestorOf } from '../../../../lib/bank/register/record.ts';
import { readRecord } from '../../../../lib/bank/register/records.ts';
import { type Register, registerOn } from '../../../../lib/bank/register/register.ts';
import {
  ObjectNotFound,
  StoreUnavailable,
  WriteOutcomeUnknown,
} from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { memoryStore } from '../store/memory-store.ts';
import { interleavedStore } from './interleaved-store.ts';
import { namesIn, Observer } from './observer.ts';
import { Scheduler } from './scheduler.ts';

const STEPS = 15_000;
/** More for a campaign: INTERLEAVING_SEEDS=500 npx vitest run test/lib/bank/register/interleavings.test.ts */
const SEEDS = Number(process.env['INTERLEAVING_SEEDS'] ?? 5);
const LEASE_SECONDS = 120;
const UNDELETE_SECONDS = 300;
/** What a stretch of the register's own code throws when the store fails it, or when somebody else was faster. */
const STORE_FAILED = [StoreUnavailable, WriteOutcomeUnknown];
const OVERTAKEN = [
  CollectionOvertaken,
  BackupInProgress,
  CheckpointFenced,
  CheckpointNotFound,
  CheckpointStateRefused,
  PinFenced,
];

const bootImage: BootImage = { cloud: 'cloud', region: 'region', imageId: 'image' };

describe('the register, step by step in random order, with faults, crashes and collectors', () => {
  const happened = {
    committed: 0,
    over: 0,
    deletions: 0,
    compactions: 0,
    faults: 0,
    kills: 0,
    steps: 0,
  };

  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    'loses nothing (seed %i)',
    async (seed) => {
      const bank = new BankUnderTest(seed);

      // Throws where something is lost.
      await bank.run();

      const { committed, over, deletions, compactions } = bank.observer;
      happened.committed += committed.size;
      happened.over += over.size;
      happened.deletions += deletions;
      happened.compactions += compactions;
      happened.faults += bank.scheduler.faults;
      happened.kills += bank.scheduler.kills;
      happened.steps += bank.scheduler.steps;
    },
  );

  it('commits, ends and deletes a good deal in these runs', () => {
    if (SEEDS > 5) console.log(`${SEEDS} seeds: ${JSON.stringify(happened)}`);
    expect(happened.committed).toBeGreaterThan(10 * SEEDS);
    expect(happened.over).toBeGreaterThan(10 * SEEDS);
    expect(happened.deletions).toBeGreaterThan(10 * SEEDS);
    expect(happened.compactions).toBeGreaterThan(SEEDS);
  });
});

/** Backups of two servers of one boot image, readers, prunes and collectors, each of them again and again until the steps are over. */
class BankUnderTest {
  readonly observer = new Observer();
  readonly scheduler: Scheduler;
  readonly #register: ObjectStore;
  readonly #bank: ObjectStore;
  /** Checkpoints that a compaction claimed at some time. */
  readonly #compacted = new Set<string>();
  /** Lists of what is to be deleted, of all ages. */
  readonly #lists: [string, number][][] = [];
  #serial = 0;

  constructor(seed: number) {
    this.scheduler = new Scheduler(seed);
    const { clock } = this.scheduler;
    this.#register = this.observer.watch(
      memoryStore({ location: 'memory:register', clock }),
      'register',
    );
    this.#bank = this.observer.watch(memoryStore({ location: 'memory:bank', clock }), 'bank');
  }

  async run(): Promise<void> {
    for (const server of ['one', 'one', 'two']) {
      this.#repeatedly(async () => await this.#backUp(server));
    }
    for (let count = 0; count < 2; count++) {
      this.#repeatedly(async () => await this.#restore());
      this.#repeatedly(async () => await this.#prune());
      this.#repeatedly(async () => await this.#collect());
      this.#repeatedly(async () => await this.#compact());
    }
    this.#repeatedly(async () => await this.#deleteByAnOldList());
    await this.scheduler.run(STEPS, () => {
      this.scheduler.pass(this.scheduler.random() * 1000);
      this.observer.check();
    });
  }

  #repeatedly(act: () => Promise<void>): void {
    this.scheduler.start(async () => {
      for (;;) {
        await this.scheduler.turn('the loop');
        await act();
      }
    });
  }

  /** An execution: one process, or two that do the same, or one that dies and another that takes over. */
  async #backUp(server: string): Promise<void> {
    const execution = this.#name('execution');
    const first = this.#name(execution);
    const second = this.#name(execution);
    const work = (register: Register, bank: ObjectStore) =>
      this.#makeCheckpoint(register, bank, execution, server);
    const kind = this.scheduler.pick(['one', 'two', 'one after the other']);
    if (kind === 'one') await this.#process(first, work);
    if (kind === 'two')
      await Promise.all([this.#process(first, work), this.#process(second, work)]);
    if (kind === 'one after the other') {
      this.scheduler.start(() => this.#process(first, work));
      for (let wait = this.scheduler.random() * 60; wait > 0; wait--) {
        await this.scheduler.turn('the loop');
      }
      this.scheduler.kill(first);
      await this.#process(second, work);
    }
  }

  async #makeCheckpoint(
    register: Register,
    bank: ObjectStore,
    execution: string,
    serverId: string,
  ): Promise<void> {
    const server = { cloud: 'cloud', region: 'region', projectId: 'project', serverId };
    const opened = await openCheckpoint(register, {
      execution: { id: execution },
      server,
      bootImage,
      leaseSeconds: LEASE_SECONDS,
    });
    if (opened.state === 'COMMITTED') return;
    const { checkpoint } = opened;
    const ancestor = ancestorOf(opened);
    const inherited = ancestor === undefined ? [] : await readNames(bank, ancestor.root.key);
    const attempt = register.randomHex(8);
    const own = [`packs/${checkpoint}/0-0-${attempt}-0`, `segments/${checkpoint}/0-0-${attempt}`];
    for (const key of own) await bank.put(key, new Uint8Array(1));
    await renewLease(register, checkpoint);
    // Not more than some generations, so that what the oldest wrote becomes garbage.
    const names = [...own, ...inherited.slice(0, 4)];
    const root = { key: `roots/${checkpoint}-${attempt}`, digest: '0'.repeat(64) };
    await bank.put(root.key, Buffer.from(JSON.stringify(names)));
    await this.#commit(register, checkpoint, root);
    await writeBasePointer(register, bootImage, checkpoint);
  }

  async #commit(
    register: Register,
    checkpoint: string,
    root: { key: string; digest: string },
  ): Promise<void> {
    try {
      const record = await commitCheckpoint(register, checkpoint, { root });
      if (record.compacted === undefined && !this.#compacted.has(checkpoint)) {
        expect(this.observer.committed.get(checkpoint)).toBe(record.root.key);
      }
    } catch (error) {
      const buried = this.observer.heads().get(checkpoint) === 'buried';
      if (error instanceof CheckpointFenced && !buried) {
        expect(this.observer.committed.has(checkpoint)).toBe(false);
      }
      throw error;
    }
  }

  async #restore(): Promise<void> {
    const execution = this.#name('restore');
    await this.#process(execution, async (register, bank) => {
      const checkpoint =
        this.scheduler.pick([...this.observer.heads().keys()]) ??
        (await readBasePointer(register, bootImage))?.checkpoint;
      if (checkpoint === undefined) return;
      const pin = await openPin(register, {
        checkpoint,
        execution: { id: execution },
        leaseSeconds: LEASE_SECONDS,
      });
      if (pin.id === null) throw new Error('The register is not read-only.');
      this.observer.reliedOn.set(pin.id, pin.record.root.key);
      for (let reads = 0; reads < 5; reads++) {
        await readNames(bank, pin.record.root.key).catch((error: unknown) => {
          // Of a reader that was fenced anything may be gone: it notices when it renews.
          if (!(error instanceof ObjectNotFound) || this.observer.isPinHeld(pin.id ?? ''))
            throw error;
        });
        await renewPin(register, pin.id);
      }
      this.observer.reliedOn.delete(pin.id);
      await releasePin(register, pin.id);
    });
  }

  async #prune(): Promise<void> {
    await this.#process(this.#name('prune'), async (register) => {
      const head = this.scheduler.pick(this.observer.worthPruning());
      if (head === undefined) return;
      if (head.state === 'COMMITTED') await pruneCheckpoint(register, head.checkpoint);
      if (head.state === 'DELETING' && this.scheduler.random() < 0.3) {
        await undeleteCheckpoint(register, head.checkpoint);
      }
    });
  }

  async #collect(): Promise<void> {
    await this.#process(this.#name('collector'), async (register, bank) => {
      let state = new CollectionState();
      const request = {
        bank,
        register,
        namesIn: async ({ key }: { key: string }) =>
          (await readNames(bank, key)).map((name) => ({ key: name })),
        undeleteSeconds: UNDELETE_SECONDS,
        mustStop: () => this.scheduler.random() < 0.02,
      };
      while (!(await markLive(request, state))) {
        state = CollectionState.decode(Buffer.concat([...state.encode()]));
      }
      const objects: [string, number][] = [];
      for (const share of SHARES) {
        for await (const { key, sizeBytes, as } of sortedObjects(bank, state, share)) {
          if (as === 'dead') objects.push([key, sizeBytes]);
        }
      }
      if (objects.length > 0) this.#lists.push(objects);
      // Who deletes by the list may come later, and again.
      if (this.scheduler.random() < 0.7) await deleteListed({ bank, objects });
      await buryDead(register, state.graves());
    });
  }

  async #deleteByAnOldList(): Promise<void> {
    await this.#process(this.#name('page'), async (_, bank) => {
      const objects = this.scheduler.pick(this.#lists);
      if (objects !== undefined) await deleteListed({ bank, objects });
    });
  }

  /** Some checkpoints together get new roots, which share a new pack in the place of some that they named. */
  async #compact(): Promise<void> {
    const process = this.#name('compaction');
    if (this.scheduler.random() < 0.2) {
      this.scheduler.start(async () => {
        for (let wait = this.scheduler.random() * 40; wait > 0; wait--) {
          await this.scheduler.turn('the killer');
        }
        this.scheduler.kill(process);
      });
    }
    const work = this.#process(process, async (register, bank) => {
      const heads = [...this.observer.heads()].flatMap(([checkpoint, head]) =>
        head !== 'buried' && head.state === 'COMMITTED' ? [checkpoint] : [],
      );
      const claimed: { checkpoint: string; id: string; names: readonly string[] }[] = [];
      const writesAs = this.scheduler.pick(heads);
      for (const checkpoint of new Set([writesAs, this.scheduler.pick(heads)])) {
        if (checkpoint === undefined || writesAs === undefined) return;
        const head = await readRecord(register, checkpoint);
        if (head.kind !== 'live' || head.value.state !== 'COMMITTED') continue;
        const names = await readNames(bank, head.value.root.key).catch(() => undefined);
        const id = register.randomHex(16);
        const claim = { id, execution: { id: process }, writesAs, asSeen: head.value };
        if (names === undefined || !(await claimCheckpoint(register, claim))) continue;
        this.#compacted.add(checkpoint);
        claimed.push({ checkpoint, id, names });
      }
      if (claimed.length === 0) return;
      const attempt = register.randomHex(8);
      const shared = `packs/${writesAs}/0-0-${attempt}-0`;
      await bank.put(shared, new Uint8Array(1));
      // It copies for long: a collector may come by.
      for (let wait = this.scheduler.random() * 100; wait > 0; wait--) {
        await this.scheduler.turn(process);
      }
      for (const { checkpoint, id, names } of claimed) {
        await renewClaim(register, checkpoint, { id });
        const kept = names.filter(() => this.scheduler.random() < 0.5);
        const root = { key: `roots/${checkpoint}-${attempt}`, digest: '0'.repeat(64) };
        await bank.put(root.key, Buffer.from(JSON.stringify([shared, ...kept])));
        await replaceRoot(register, checkpoint, { id, root });
      }
    });
    const over = new AbortController();
    const end = work.finally(() => {
      over.abort();
    });
    // Who waits for the dead waits for ever.
    const patience = async () => {
      for (let wait = 0; wait < 400 && !over.signal.aborted; wait++) {
        await this.scheduler.turn('the loop');
      }
    };
    await Promise.race([end, patience()]);
  }

  /** Does it again when the store fails, as a state machine would, and ends when others were faster. */
  async #process(
    process: string,
    act: (register: Register, bank: ObjectStore) => Promise<void>,
  ): Promise<void> {
    const interleaving = { scheduler: this.scheduler, process, faultRate: 0.005 };
    const register = registerOn({
      store: interleavedStore(this.#register, interleaving),
      nameKey: createSecretKey(new Uint8Array(32)),
      clock: this.scheduler.clock,
      randomHex: (bytes) => this.scheduler.hex(bytes),
    });
    const bank = interleavedStore(this.#bank, interleaving);
    for (let tries = 1; tries <= 5; tries++) {
      try {
        await act(register, bank);
        return;
      } catch (error) {
        if (OVERTAKEN.some((kind) => error instanceof kind)) return;
        if (!STORE_FAILED.some((kind) => error instanceof kind)) throw error;
      }
    }
  }

  #name(what: string): string {
    this.#serial += 1;
    return `${what}-${this.#serial}`;
  }
}

async function readNames(bank: ObjectStore, key: string): Promise<readonly string[]> {
  return namesIn(key, await bank.get(key)) ?? [];
}
