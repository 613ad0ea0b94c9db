import { deleteListed } from '../../lib/bank/collect/delete-collected.ts';
import { readNote } from '../../lib/bank/notes.ts';
import { abandonCheckpoint } from '../../lib/bank/register/abandon-checkpoint.ts';
import { openCheckpoint } from '../../lib/bank/register/open-checkpoint.ts';
import { pruneCheckpoint, undeleteCheckpoint } from '../../lib/bank/register/prune-checkpoint.ts';
import { openPin, releasePin, renewPin } from '../../lib/bank/register/reader-pin.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import { ObjectNotFound } from '../../lib/bank/store/errors.ts';
import { CollectionRefused } from '../../lib/bank/collect/errors.ts';
import {
  type CollectionPlan,
  CompactionItem,
  DeletionItem,
  DeletionPage,
  MAX_NOTE_BYTES,
  pageKey,
} from '../../lib/collect/plan.ts';
import type { CollectionSummary } from '../../lib/collect/summary.ts';
import type { ByteSource } from '../../lib/disk/disk.ts';
import { putCaptured } from '../../lib/protect/captured.ts';
import { putUploadPlan } from '../../lib/protect/upload-plan.ts';
import type { Services } from '../../lib/services.ts';
import { closeCollection } from '../../functions/close-collection.ts';
import { closeVerification } from '../../functions/close-verification.ts';
import { commitCheckpoint } from '../../functions/commit-checkpoint.ts';
import { compactGroup } from '../../functions/compact-group.ts';
import { deletePage } from '../../functions/delete-page.ts';
import { planCollection } from '../../functions/plan-collection.ts';
import { planVerify } from '../../functions/plan-verify.ts';
import { recordVerification } from '../../functions/record-verification.ts';
import { uploadRange } from '../../functions/upload-range.ts';
import { verifyRange } from '../../functions/verify-range.ts';
import { readGroup } from '../../lib/verify/plan.ts';
import { restoredDisk } from '../lib/bank/read/restored.ts';
import { describedImage, describedServer } from './descriptions.ts';
import { type Execution, Executions } from './executions.ts';
import { GuestDisks } from './guest-disks.ts';
import { BankBroken, type Observer } from './observer.ts';
import type { Scheduler } from './scheduler.ts';

/** How long what is pruned can be brought back, one for each run: some steps, or so many that it is. */
const UNDELETE_DAYS = [0.0005, 0.0005, 0.02];
/** Committed checkpoints above which more are pruned than made. */
const ENOUGH = 5;
/** Those that stay where it is about compactions. */
const FEW = 2;
/** How much longer than usual the pauses are: in some runs one thing is done all the time, in some another. */
const PACES = [0.5, 1, 4, 16];
const SERVERS = ['one', 'one', 'two'] as const;
const CLOUD = { cloud: 'cloud', region: 'region' };
const BOOT_IMAGE = { ...CLOUD, imageId: 'image' };

/** Backups, restores, verifications, prunes and collections of one bank, each of them again and again until they are told to end. */
export class BankLife {
  collections = 0;
  /** In some runs little stands in the way of compactions. */
  readonly isForCompactions: boolean;
  readonly #scheduler: Scheduler;
  readonly #observer: Observer;
  readonly #executions: Executions;
  readonly #disks: GuestDisks;
  /** Lists of what is to be deleted, of all ages. */
  readonly #lists: (readonly (readonly [string, number])[])[] = [];
  readonly #undeleteDays: number;
  #isEnding = false;

  constructor(scheduler: Scheduler, observer: Observer) {
    this.#scheduler = scheduler;
    this.#observer = observer;
    this.isForCompactions = scheduler.chance(0.5);
    this.#disks = new GuestDisks(scheduler);
    this.#undeleteDays = scheduler.pick(UNDELETE_DAYS) ?? 0;
    this.#executions = new Executions(scheduler, observer, (imageId) => this.#imageOf(imageId));
  }

  /** What was before: some backups, of which the older ones are pruned and due to be collected. */
  async begin(): Promise<void> {
    for (const server of ['one', 'two', 'one', 'two', 'one']) {
      // Much is written between these, so that the packs of the first ones are little used.
      if (this.isForCompactions) this.#disks.written(server);
      await this.#backUp(server);
    }
    for (const head of this.#readable().slice(0, 2)) {
      await this.#executions.run('prune', async (execution) => {
        await this.#executions.task(execution, async (services) => {
          await pruneCheckpoint(await services.register(), head.checkpoint);
        });
      });
    }
    const share = this.isForCompactions ? 1 : 2 * this.#scheduler.random();
    this.#scheduler.pass(this.#undeleteDays * 24 * 3600 * 1000 * share);
  }

  start(): void {
    const others = this.isForCompactions ? 1500 : 0;
    for (const server of this.isForCompactions ? ['two'] : SERVERS) {
      this.#repeatedly(60 + others, () => this.#backUp(server));
    }
    for (let count = 0; count < 2; count++) {
      this.#repeatedly(120 + others, () => this.#restore());
      this.#repeatedly(this.isForCompactions ? 300 : 30, () => this.#prune());
      this.#repeatedly(30, () => this.collect());
    }
    this.#repeatedly(400 + others, () => this.#verify());
    this.#repeatedly(200, () => this.#deleteByAnOldList());
  }

  /** What runs comes to its end, and nothing new begins. */
  end(): void {
    this.#isEnding = true;
  }

  /** A power cut: whatever runs is gone. */
  kill(): void {
    this.#executions.kill();
  }

  /** As collect-garbage.asl.json does. Undefined where it did not come to its end. */
  async collect(): Promise<CollectionSummary | undefined> {
    const { chance } = this.#chances();
    return await this.#executions.run('collection', async (execution) => {
      const request = {
        force: chance(0.8),
        undelete_days: this.#undeleteDays,
        compact: chance(0.9),
      };
      const plan = await this.#executions
        .state(execution, planCollection, { execution: execution.id, request })
        .catch((error: unknown) => {
          if (error instanceof CollectionRefused && !request.force) return undefined;
          throw error;
        });
      if (plan === undefined) return undefined;
      const isDeleted = await this.#deletePages(execution, plan);
      if (isDeleted) await this.#compactGroups(execution, plan);
      const input = { plan, isDeleted, failure: null };
      const { summary } = await this.#executions.state(execution, closeCollection, input);
      this.collections += 1;
      return summary;
    });
  }

  #repeatedly(usualPause: number, act: () => Promise<unknown>): void {
    const maxPause = usualPause * (this.#scheduler.pick(PACES) ?? 1);
    this.#scheduler.start(async () => {
      while (!this.#isEnding) {
        await this.#scheduler.pause(maxPause);
        if (!this.#isEnding) await act();
      }
    });
  }

  async #backUp(serverId: string): Promise<void> {
    await this.#executions.run('backup', async (execution) => {
      const disk = this.#disks.written(serverId);
      this.#observer.contents.set(execution.id, disk);
      const source = { disk: 0, volumeId: null, snapshotId: execution.id };
      const checkpoint = await this.#executions.task(execution, async (services, { signal }) => {
        const [bank, register] = [await services.bank(), await services.register()];
        const opened = await openCheckpoint(register, {
          execution: { id: execution.id, ...processOf(services) },
          server: { ...CLOUD, projectId: 'project', serverId },
          bootImage: BOOT_IMAGE,
        });
        if (opened.state === 'COMMITTED') return opened.checkpoint;
        const server = describedServer(serverId, BOOT_IMAGE.imageId);
        await putCaptured(bank, opened.checkpoint, { server, volumes: [], plan: null }, signal);
        const plan = {
          source,
          reading: 'ranges' as const,
          streamReason: null,
          image: describedImage(execution.id, disk.length),
          shape: { format: 'raw' as const, guestSizeBytes: disk.length },
          receipts: execution.id,
          sourceHash: 'unchecked' as const,
          serverStatus: 'ACTIVE',
        };
        await putUploadPlan(bank, opened.checkpoint, plan, signal);
        return opened.checkpoint;
      });
      try {
        await this.#executions.map(this.#disks.segments, async (first) => {
          const range = { first, count: 1 };
          const input = { checkpoint, serverId, source, range };
          await this.#executions.state(execution, uploadRange, input);
        });
        const input = { checkpoint, serverId, sources: [source] };
        await this.#executions.state(execution, commitCheckpoint, input);
      } catch (error) {
        await this.#executions.task(execution, async (services) => {
          await abandonCheckpoint(await services.register(), checkpoint, { reason: 'it failed' });
        });
        throw error;
      }
      if (this.#observer.committed.has(checkpoint)) return;
      throw new BankBroken(`${checkpoint} is said to be committed, and is not.`);
    });
  }

  #imageOf(imageId: string): ByteSource {
    const disk = this.#observer.contents.get(imageId) ?? Buffer.alloc(0);
    return {
      sizeBytes: disk.length,
      read: async (offset, length) => disk.subarray(offset, offset + length),
    };
  }

  async #restore(): Promise<void> {
    const record = this.#scheduler.pick(this.#readable());
    if (record === undefined) return;
    const { checkpoint } = record;
    await this.#executions.run('restore', async (execution) => {
      await this.#executions.task(execution, async (services) => {
        const [bank, register] = [await services.bank(), await services.register()];
        const pin = await openPin(register, {
          checkpoint,
          execution: { id: execution.id, ...processOf(services) },
        });
        const id = pin.id ?? '';
        const held = { pinId: id, root: pin.record.root };
        this.#observer.reliedOn.set(id, pin.record.root.key);
        for (let reads = 0; reads < 2; reads++) {
          try {
            const disk = await restoredDisk(bank, await readRoot(bank, pin.record.root));
            this.#observer.mustEqual(disk, record.execution.id, checkpoint);
          } catch (error) {
            // Of a reader that was fenced anything may be gone: it notices when it renews.
            if (isLoss(error) && !this.#observer.isPinHeld(id)) await renewPin(register, held);
            throw error;
          }
          await renewPin(register, held);
        }
        this.#observer.reliedOn.delete(id);
        await releasePin(register, id);
      });
    });
  }

  /** As verify.asl.json does. Nothing here ever is damaged. */
  async #verify(): Promise<void> {
    await this.#executions.run('verification', async (execution) => {
      const request = this.#scheduler.chance(0.5) ? {} : { servers: ['two'] };
      const input = { execution: execution.id, request };
      const plan = await this.#executions.state(execution, planVerify, input);
      const { bank } = this.#observer;
      const { signal } = new AbortController();
      const items: { group: number; disk: number; segments: number[] }[] = [];
      for (let number = 0; number < plan.groups; number++) {
        const read = () => readGroup(bank, plan.verificationId, number, signal);
        const group = await this.#scheduler.perform('the engine', read);
        for (const { pinId, root } of group.checkpoints) {
          this.#observer.reliedOn.set(pinId ?? '', root.key);
        }
        items.push(...this.#disks.segments.map((n) => ({ group: number, disk: 0, segments: [n] })));
      }
      try {
        await this.#executions.map(items, async (item) => {
          await this.#executions.state(execution, verifyRange, { plan, item });
        });
        const summary = await this.#executions.state(execution, recordVerification, {
          plan,
          resultsPrefix: 'results/none/',
        });
        if (summary.damaged > 0) {
          throw new BankBroken(`A verification found damage: ${JSON.stringify(summary)}`);
        }
      } finally {
        await this.#executions.state(execution, closeVerification, { plan });
      }
    });
  }

  async #prune(): Promise<void> {
    const live = this.#readable();
    const pinned = this.#observer
      .live()
      .flatMap((head) =>
        head.state === 'OPEN' ? head.pins.map(({ checkpoint }) => checkpoint) : [],
      );
    // Those that are built on several times, since there it matters.
    const builtOn = live.filter(({ checkpoint }) => pinned.includes(checkpoint));
    const head = this.#scheduler.pick([...live, ...builtOn, ...builtOn, ...builtOn]);
    if (head === undefined) return;
    const committed = live.filter(({ state }) => state === 'COMMITTED').length;
    if (this.isForCompactions && committed <= FEW) return;
    await this.#executions.run('prune', async (execution) => {
      await this.#executions.task(execution, async (services) => {
        const register = await services.register();
        if (head.state === 'COMMITTED' && this.#scheduler.chance(committed > ENOUGH ? 0.9 : 0.5)) {
          await pruneCheckpoint(register, head.checkpoint);
        }
        if (head.state === 'DELETING' && this.#scheduler.chance(0.2)) {
          await undeleteCheckpoint(register, head.checkpoint);
        }
      });
    });
  }

  async #deletePages(execution: Execution, plan: CollectionPlan): Promise<boolean> {
    const pages = await this.#lines(plan.pagesKey, DeletionItem);
    if (pages === undefined) return false;
    for (const { page } of pages) {
      const expected = { schema: DeletionPage, maxBytes: MAX_NOTE_BYTES };
      const read = () => readNote(this.#observer.bank, pageKey(plan, page), expected);
      const note = await this.#scheduler.perform('the engine', read).catch(() => undefined);
      if (note !== undefined) this.#lists.push(note.objects);
    }
    try {
      await this.#executions.map(pages, async (item) => {
        await this.#executions.state(execution, deletePage, { plan, item });
      });
      return true;
    } catch (error) {
      if (execution.isDead || !this.#executions.isOrderly(error)) throw error;
      return false;
    }
  }

  async #compactGroups(execution: Execution, plan: CollectionPlan): Promise<void> {
    const groups = (await this.#lines(plan.groupsKey, CompactionItem)) ?? [];
    await this.#executions.map(groups, async (item) => {
      await this.#executions
        .state(execution, compactGroup, { plan, item })
        .catch((error: unknown) => {
          // Of one that was fenced anything may be gone.
          const isFine = error instanceof ObjectNotFound || this.#executions.isOrderly(error);
          if (execution.isDead || !isFine) throw error;
        });
    });
  }

  /** As a Map reads them. */
  async #lines<Item>(
    key: string,
    schema: { parse(value: unknown): Item },
  ): Promise<Item[] | undefined> {
    const { work } = this.#observer.bank.places;
    const read = () => work.get(key);
    const bytes = await this.#scheduler.perform('the engine', read).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const lines = Buffer.from(bytes).toString().split('\n').filter(Boolean);
    return lines.map((line) => schema.parse(JSON.parse(line)));
  }

  async #deleteByAnOldList(): Promise<void> {
    const objects = this.#scheduler.pick(this.#lists);
    if (objects === undefined) return;
    await this.#executions.run('page', async (execution) => {
      await this.#executions.task(execution, async (services) => {
        await deleteListed({ bank: services.places.bank, objects });
      });
    });
  }

  #readable() {
    return this.#observer
      .live()
      .filter((head) => head.state === 'COMMITTED' || head.state === 'DELETING');
  }

  /** A last collection does all that it can. */
  #chances() {
    const { isRough } = this.#scheduler;
    return { chance: (share: number) => !isRough || this.#scheduler.chance(share) };
  }
}

function processOf({ process }: Services) {
  return process === undefined ? {} : { process };
}

function isLoss(error: unknown): boolean {
  return error instanceof Error && ['ObjectNotFound', 'PackMissing'].includes(error.name);
}
