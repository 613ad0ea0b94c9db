import { randomBytes } from 'node:crypto';
import { type Memory, memoryNow } from './memory.ts';
import { withScaleWorld } from './scale-world.ts';

const MIB = 1024 ** 2;

export interface LargeDiskFigures {
  /** The first backup, and one after a MiB was changed. */
  backups: {
    seconds: number;
    diskGiB: number;
    readMiB: number;
    newMiB: number;
    storedMiB: number;
    memory: Memory;
  }[];
  /** What the process held before the first. */
  before: Memory;
  objects: number;
}

/** A disk of which a MiB is written here and there. Segments have 1 GiB, as in a real bank. */
export async function backUpLargeDisk(diskGiB: number): Promise<LargeDiskFigures> {
  return await withScaleWorld({ chunksPerSegment: 4096 }, async (world) => {
    const { cloud } = world;
    const flavorId = cloud.addFlavor({ name: 'large', vcpus: 1, ramMib: 64, diskGib: diskGiB });
    const id = await world.addServer('large', randomBytes(MIB), { flavorId });
    const spots = 64;
    for (let spot = 1; spot < spots; spot += 1) {
      const offset = Math.floor((spot * diskGiB * 1024) / spots) * MIB;
      await cloud.writeGuest(id, offset, randomBytes(MIB));
    }
    const before = memoryNow();
    const backups = [];
    for (const changedAtMiB of [null, 3]) {
      if (changedAtMiB !== null) await cloud.writeGuest(id, changedAtMiB * MIB, randomBytes(MIB));
      const startedAt = performance.now();
      const { status, output, cause } = await world.run('backup', {});
      if (status !== 'SUCCEEDED') throw new Error(`The backup ${status}: ${cause ?? ''}`);
      const sums = output as { readBytes: number; newBytes: number; storedBytes: number };
      backups.push({
        seconds: (performance.now() - startedAt) / 1000,
        diskGiB: (await cloud.guestSizeBytes(id)) / 1024 ** 3,
        readMiB: sums.readBytes / MIB,
        newMiB: sums.newBytes / MIB,
        storedMiB: sums.storedBytes / MIB,
        memory: memoryNow(),
      });
    }
    let objects = 0;
    for await (const _ of world.places.bank.list('')) objects += 1;
    return { backups, before, objects };
  });
}
