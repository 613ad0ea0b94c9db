import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import type { Root, RootDisk } from '../bank/format/root.ts';
import type { RootReference } from '../bank/register/record.ts';
import { readSharedRoot } from '../bank/read/shared-roots.ts';
import { InvalidInput } from '../errors.ts';
import { CheckpointDescription, type DiskDescription } from '../protect/description.ts';
import type { RestorePlan } from './plan.ts';

/** A disk of a checkpoint: where its chunks are, and what is known of it beside. */
export interface ReadableDisk {
  number: number;
  content: RootDisk;
  description: DiskDescription;
}

/** What a restore needs of a checkpoint's root. */
export interface ReadableCheckpoint {
  checkpoint: string;
  root: Root;
  identity: Root['identity'];
  description: CheckpointDescription;
  /** The root disk first. */
  disks: readonly [ReadableDisk, ...ReadableDisk[]];
}

export async function readCheckpoint(
  bank: Bank,
  { checkpoint, root: reference }: Pick<RestorePlan, 'checkpoint'> & { root: RootReference },
  signal?: AbortSignal,
): Promise<ReadableCheckpoint> {
  const root = await readSharedRoot(bank, reference, signal === undefined ? {} : { signal });
  if (root.checkpoint !== checkpoint) {
    throw new ObjectDamaged(
      `The record of checkpoint ${checkpoint} names the root of another one, ${root.checkpoint}.`,
      { identifiers: { checkpoint, key: reference.key } },
    );
  }
  const { data: description, error } = CheckpointDescription.safeParse(root.description);
  const described = new Map(description?.disks.map((one) => [one.disk, one]));
  const [first, ...more] = root.disks
    .toSorted((one, other) => one.disk - other.disk)
    .flatMap((content): ReadableDisk[] => {
      const found = described.get(content.disk);
      return found === undefined ? [] : [{ number: content.disk, content, description: found }];
    });
  if (description === undefined || first === undefined || more.length + 1 < root.disks.length) {
    throw new ObjectDamaged(`The root of checkpoint ${checkpoint} describes no server.`, {
      cause: error,
      identifiers: { checkpoint },
    });
  }
  return { checkpoint, root, identity: root.identity, description, disks: [first, ...more] };
}

/** Throws `InvalidInput` for a disk that the checkpoint does not have. */
export function diskOf({ checkpoint, disks }: ReadableCheckpoint, number: number): ReadableDisk {
  const disk = disks.find((one) => one.number === number);
  if (disk !== undefined) return disk;
  throw new InvalidInput(
    `Checkpoint ${checkpoint} has no disk ${String(number)}; it has ${disks.map((one) => String(one.number)).join(', ')}.`,
  );
}
