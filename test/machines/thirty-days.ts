import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import type { CheckpointRecord } from '../../lib/bank/register/record.ts';
import { faultyStore } from '../lib/bank/store/faulty-store.ts';
import { diskInBank } from './disk-in-bank.ts';
import { Random } from '../lib/disk/support/random.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const MIB = 1024 ** 2;
const DISK_BYTES = 16 * MIB;
const HOUR_MILLISECONDS = 3600 * 1000;
const KEEP = { last: 2, daily: 3, weekly: 1 };
const UNDELETE_DAYS = 2;
/** Part of the nights on which the backup dies at some moment. */
const DEATHS = 0.5;

export interface Days {
  readonly seed: number;
  readonly days: number;
  readonly servers: number;
  /** Writers die at random moments, and a collector runs all the time that they do. */
  readonly troubled: boolean;
  readonly places?: WorldOptions['places'];
}

export interface DaysReport {
  backups: number;
  deaths: number;
  continued: number;
  pruned: number;
  collections: number;
  collectedBytes: number;
  verifications: number;
  /** Checkpoints that were there at the end, each compared byte for byte with its copy. */
  compared: number;
  /** Of these, restored to a server too. */
  restored: number;
}

/**
 * Servers whose users write every day, a backup every night, prune and collection; verification every week. At the end some
 * checkpoints are restored, and all are compared with copies that were kept aside. Throws what does not hold.
 */
export async function liveDays(options: Days): Promise<DaysReport> {
  const world = await startWorld(options.places === undefined ? {} : { places: options.places });
  try {
    return await new Life(world, options).run();
  } finally {
    await world.close();
  }
}

class Life {
  readonly #world: World;
  readonly #options: Days;
  readonly #random: Random;
  readonly #servers: string[] = [];
  /** Disks as they were when they were backed up, by checkpoint. */
  readonly #copies = new Map<string, Buffer>();
  readonly #report: DaysReport = {
    backups: 0,
    deaths: 0,
    continued: 0,
    pruned: 0,
    collections: 0,
    collectedBytes: 0,
    verifications: 0,
    compared: 0,
    restored: 0,
  };

  constructor(world: World, options: Days) {
    this.#world = world;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<DaysReport> {
    const { days, servers } = this.#options;
    for (let n = 0; n < servers; n += 1) {
      const data = this.#random.bytes(2 * MIB);
      this.#servers.push(await this.#world.addServer(`web-${String(n)}`, data));
    }
    for (let day = 1; day <= days; day += 1) await this.#live(day);
    await this.#compareAll();
    await this.#restoreSome(3);
    await this.#nothingIsLeft();
    return this.#report;
  }

  async #live(day: number): Promise<void> {
    for (const server of this.#servers) await this.#write(server);
    await this.#world.clock.advance(24 * HOUR_MILLISECONDS);
    const collector = this.#options.troubled ? this.#collectMeanwhile() : undefined;
    try {
      await this.#backUp(day);
    } finally {
      await collector?.stop();
    }
    const prune = await this.#succeed('prune', { keep: KEEP });
    this.#report.pruned += (prune as { pruned: number }).pruned;
    if (!this.#options.troubled && day % 2 === 0) await this.#collect();
    if (day % 7 === 0) {
      const { checkpoints, sound } = (await this.#succeed('verify', {})) as Record<string, number>;
      if (sound !== checkpoints) throw new Error(`Of ${checkpoints} are ${sound} sound.`);
      this.#report.verifications += 1;
    }
  }

  /** A few per cent of the disk: new data, data of elsewhere, zeros. */
  async #write(server: string): Promise<void> {
    const { cloud } = this.#world;
    for (let times = 1 + this.#random.below(4); times > 0; times -= 1) {
      const length = 4 * (1 + this.#random.below(MIB / 8));
      const offset = this.#random.below(DISK_BYTES - length);
      const kind = 1 + this.#random.below(4);
      const bytes =
        kind === 1
          ? Buffer.alloc(length)
          : kind === 2
            ? await cloud.readGuest(server, this.#random.below(DISK_BYTES - length), length)
            : this.#random.bytes(length);
      await cloud.writeGuest(server, offset, bytes);
    }
  }

  async #backUp(day: number): Promise<void> {
    const world = this.#world;
    const disks = new Map<string, Buffer>();
    for (const server of this.#servers) {
      disks.set(server, zstdCompressSync(await world.cloud.readGuest(server, 0, DISK_BYTES)));
    }
    let name = `night-${String(day)}`;
    if (this.#options.troubled && this.#random.chance(DEATHS)) {
      await this.#dieIn(name);
      this.#report.deaths += 1;
      if (this.#random.chance(0.5)) this.#report.continued += 1;
      else {
        // Somebody else begins anew when the lease of the dead one has run out.
        await world.clock.advance(2 * HOUR_MILLISECONDS);
        name = `${name}-anew`;
      }
    }
    const checkpoints = await world.backUp({}, { name });
    if (checkpoints.size !== disks.size) throw new Error(`Night ${day} has no checkpoint of some.`);
    this.#report.backups += checkpoints.size;
    // One that was committed before its process died is as good as any.
    for (const { checkpoint, server } of await this.#alive()) {
      const disk = disks.get(server.serverId);
      if (!this.#copies.has(checkpoint) && disk !== undefined) this.#copies.set(checkpoint, disk);
    }
  }

  /** Runs a backup whose process is gone at some moment: from then on nothing of it reaches cloud or bank. */
  async #dieIn(name: string): Promise<void> {
    const stop = new AbortController();
    let left = 1 + this.#random.below(60 * this.#servers.length);
    let isDead = false;
    const mortal = (store: BankPlaces['bank']) =>
      faultyStore(store, () => (isDead ? 'before' : undefined));
    const { bank, register, work } = this.#world.places;
    const places = { bank: mortal(bank), register: mortal(register), work: mortal(work) };
    await this.#world.run(
      'backup',
      {},
      {
        name,
        services: this.#world.servicesThrough(places),
        signal: stop.signal,
        onEvent: () => {
          left -= 1;
          if (left > 0) return;
          isDead = true;
          stop.abort(new Error('The process is gone.'));
        },
      },
    );
  }

  #collectMeanwhile(): { stop(): Promise<void> } {
    const end = new AbortController();
    const collecting = (async () => {
      while (!end.signal.aborted) {
        await this.#collect();
        await this.#world.clock.sleep(30_000);
      }
    })();
    // What it fails with is thrown when it is stopped.
    collecting.catch(() => undefined);
    return {
      stop: async () => {
        end.abort();
        await collecting;
      },
    };
  }

  async #collect(): Promise<void> {
    const request = { force: true, undelete_days: UNDELETE_DAYS };
    const { deleted } = (await this.#succeed('collect-garbage', request)) as {
      deleted: { bytes: number };
    };
    this.#report.collections += 1;
    this.#report.collectedBytes += deleted.bytes;
  }

  async #succeed(
    machine: Parameters<World['run']>[0],
    input: Parameters<World['run']>[1],
  ): Promise<unknown> {
    const { status, output, error, cause } = await this.#world.run(machine, input);
    if (status !== 'SUCCEEDED') throw new Error(`${machine} ended with ${error}: ${cause}`);
    return output;
  }

  /** Every checkpoint that is there has the bytes of its copy; and of every server there are some. */
  async #compareAll(): Promise<void> {
    const { services } = this.#world;
    const alive = await this.#alive();
    for (const { checkpoint } of alive) {
      expectSame(await diskInBank(services, checkpoint), this.#copyOf(checkpoint), checkpoint);
      this.#report.compared += 1;
    }
    if (alive.length < 2 * this.#servers.length) throw new Error(`Only ${alive.length} are left.`);
  }

  async #restoreSome(count: number): Promise<void> {
    const { cloud } = this.#world;
    const chosen = this.#random.shuffled(await this.#alive()).slice(0, count);
    for (const { checkpoint } of chosen) {
      const request = { checkpoint, name: `again-${checkpoint}`, check: true };
      const restored = (await this.#succeed('restore', request)) as {
        serverId: string;
        imageId: string;
      };
      const disk = await cloud.readGuest(restored.serverId, 0, DISK_BYTES);
      expectSame(disk, this.#copyOf(checkpoint), `the server restored from ${checkpoint}`);
      await cloud.removeServer(restored.serverId);
      await cloud.removeImage(restored.imageId);
      this.#report.restored += 1;
    }
  }

  /** After the last leases have run out and the last garbage was collected, all that lies in the bank is needed. */
  async #nothingIsLeft(): Promise<void> {
    const { clock, backUp, leftovers, run } = this.#world;
    await clock.advance(48 * HOUR_MILLISECONDS);
    await backUp();
    for (let times = 0; times < 2; times += 1) {
      await clock.advance(UNDELETE_DAYS * 24 * HOUR_MILLISECONDS);
      await this.#collect();
    }
    const left = await leftovers();
    if (left.length > 0) throw new Error(`Left: ${left.join(', ')}`);
    const { output } = await run('collect-garbage', { dry_run: true });
    const { dead } = output as { dead: { objects: number } };
    if (dead.objects > 0) throw new Error(`${dead.objects} objects are garbage still.`);
  }

  /** Those that can be restored and were said to be done. */
  async #alive(): Promise<CheckpointRecord[]> {
    const register = await this.#world.services.register();
    const alive: CheckpointRecord[] = [];
    for await (const record of listCheckpoints(register)) {
      if (record.state === 'COMMITTED') alive.push(record);
    }
    return alive;
  }

  #copyOf(checkpoint: string): Buffer {
    const copy = this.#copies.get(checkpoint);
    if (copy === undefined) throw new Error(`Nobody was told of checkpoint ${checkpoint}.`);
    return zstdDecompressSync(copy);
  }
}

function expectSame(found: Uint8Array, copy: Uint8Array, what: string): void {
  if (Buffer.compare(found, copy) !== 0) throw new Error(`Not what was backed up: ${what}.`);
}
