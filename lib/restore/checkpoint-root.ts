import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import type { Root, RootDisk } from '../bank/format/root.ts';
import type { RootReference } from '../bank/register/record.ts';
import { readSharedRoot } from '../bank/read/shared-roots.ts';
import { CheckpointDescription } from '../protect/description.ts';
import { ROOT_DISK } from '../protect/disks.ts';
import type { RestorePlan } from './plan.ts';

/** What a restore needs of a checkpoint's root. */
export interface ReadableCheckpoint {
  root: Root;
  identity: Root['identity'];
  description: CheckpointDescription;
  disk: RootDisk;
}

export async function readCheckpoint(
  bank: Bank,
  { checkpoint, root: reference }: Pick<RestorePlan, 'checkpoint'> & { root: RootReference },
  signal?: AbortSignal,
): Promise<ReadableCheckpoint> {
  const root = await readSharedRoot(bank, reference, signal === undefined ? {} : { signal });
  const description = CheckpointDescription.safeParse(root.description);
  const disk = root.disks.find((one) => one.disk === ROOT_DISK);
  if (!description.success || disk === undefined) {
    throw new ObjectDamaged(`The root of checkpoint ${checkpoint} describes no server.`, {
      cause: description.error,
      identifiers: { checkpoint },
    });
  }
  return { root, identity: root.identity, description: description.data, disk };
}
