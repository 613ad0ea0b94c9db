import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import { type Ancestor, ancestorOf, type OpenRecord } from '../bank/register/record.ts';
import { readSharedRoot } from '../bank/read/shared-roots.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { PinnedRoot } from '../bank/write/assemble-root.ts';
import type { Log } from '../log.ts';

/**
 * The root of the confirmed ancestor, if the checkpoint has one that can be read. One that is damaged or missing is left aside with a
 * warning: the disk is then stored whole, and the next backup has a sound ancestor.
 */
export async function readAncestorRoot(
  bank: Bank,
  record: OpenRecord,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<{ as: Ancestor['as']; pinned: PinnedRoot } | undefined> {
  const ancestor = ancestorOf(record);
  if (ancestor === undefined) return undefined;
  const { as, checkpoint, root: reference } = ancestor;
  try {
    const root = await readSharedRoot(bank, reference, { signal });
    return { as, pinned: { pin: { checkpoint, root: reference }, root } };
  } catch (error) {
    if (!(error instanceof ObjectDamaged || error instanceof ObjectNotFound)) throw error;
    log.warn('The root of the ancestor cannot be read; this checkpoint is stored whole.', {
      checkpoint: record.checkpoint,
      ancestor: checkpoint,
      reason: error.message,
    });
    return undefined;
  }
}
