import { CHUNK, CHUNKS_PER_SEGMENT } from '../lib/bank/a-bank.ts';
import type { Scheduler } from './scheduler.ts';

const SEGMENTS = 2;
const CHUNKS = SEGMENTS * CHUNKS_PER_SEGMENT - 2;
/** The last chunk is a short one. */
const DISK_BYTES = CHUNKS * CHUNK - 1000;
/** Chunks that are written between two backups, at most: one for each run. */
const MAX_WRITTEN = [5, 9];

/** The disks of servers of one boot image, which are written to all the time. */
export class GuestDisks {
  readonly segments = Array.from({ length: SEGMENTS }, (_, segment) => segment);
  readonly #scheduler: Scheduler;
  readonly #image: Buffer;
  readonly #maxWritten: number;
  readonly #disks = new Map<string, Buffer>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#image = scheduler.bytes(DISK_BYTES);
    this.#maxWritten = scheduler.pick(MAX_WRITTEN) ?? 0;
  }

  /** The server's disk as it is after some more writes. */
  written(serverId: string): Buffer {
    const disk = Buffer.from(this.#disks.get(serverId) ?? this.#image);
    this.#disks.set(serverId, disk);
    const writes = Math.floor(this.#scheduler.random() * (this.#maxWritten + 1));
    for (let count = 0; count < writes; count++) {
      const at = this.#chunk() * CHUNK;
      const kind = this.#scheduler.pick(['data', 'data', 'data', 'zeros', 'moved']);
      if (kind === 'data') this.#scheduler.bytes(CHUNK).copy(disk, at);
      if (kind === 'zeros') disk.fill(0, at, Math.min(at + CHUNK, DISK_BYTES));
      if (kind !== 'moved') continue;
      const from = this.#chunk() * CHUNK;
      disk.copyWithin(at, from, from + CHUNK);
    }
    return Buffer.from(disk);
  }

  #chunk(): number {
    return Math.floor(this.#scheduler.random() * CHUNKS);
  }
}
