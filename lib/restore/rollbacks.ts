import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { KeyMissing, ObjectDamaged } from '../bank/errors.ts';
import { putNote, readNote } from '../bank/notes.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import type { Log } from '../log.ts';
import { RestorePlan } from './plan.ts';

const PREFIX = 'rollbacks/';
const MAX_BYTES = 16 * 2 ** 20;
const Rollback = z.strictObject({ plan: RestorePlan, since: z.iso.datetime() });

/**
 * Notes that everything a restore made is to be removed, so that the sweep goes on with it where the roll-back itself fails. Sealed where
 * the bank is: servers are deleted by it.
 */
export async function noteRollback(
  bank: Bank,
  plan: RestorePlan,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const note: z.infer<typeof Rollback> = { plan, since: new Date(now).toISOString() };
  await putNote(bank, `${PREFIX}${plan.restoreId}`, note, { signal });
}

export async function forgetRollback(
  work: ObjectStore,
  restoreId: string,
  signal: AbortSignal,
): Promise<void> {
  await work.delete([`${PREFIX}${restoreId}`], { signal });
}

/** Roll-backs that have not come to their end. What was not noted by `noteRollback` is left alone, and warned of. */
export async function* listRollbacks(
  bank: Bank,
  log: Log,
  signal: AbortSignal,
): AsyncGenerator<{ plan: RestorePlan; since: Date }> {
  const expected = { schema: Rollback, maxBytes: MAX_BYTES };
  for await (const { key } of bank.places.work.list(PREFIX, { signal })) {
    try {
      const { plan, since } = await readNote(bank, key, expected, { signal });
      yield { plan, since: new Date(since) };
    } catch (error) {
      if (!(error instanceof ObjectDamaged || error instanceof KeyMissing)) throw error;
      log.warn('The note of a roll-back was altered: nothing is removed by it', {
        key,
        cause: error.message,
      });
    }
  }
}
