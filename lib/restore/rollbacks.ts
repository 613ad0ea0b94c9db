import * as z from 'zod';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { RestorePlan } from './plan.ts';

const PREFIX = 'rollbacks/';
const Rollback = z.strictObject({ plan: RestorePlan, since: z.iso.datetime() });

/** Notes that everything a restore made is to be removed, so that the sweep goes on with it where the roll-back itself fails. */
export async function noteRollback(
  work: ObjectStore,
  plan: RestorePlan,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const note: z.infer<typeof Rollback> = { plan, since: new Date(now).toISOString() };
  await work.put(`${PREFIX}${plan.restoreId}`, Buffer.from(JSON.stringify(note)), { signal });
}

export async function forgetRollback(
  work: ObjectStore,
  restoreId: string,
  signal: AbortSignal,
): Promise<void> {
  await work.delete([`${PREFIX}${restoreId}`], { signal });
}

/** Roll-backs that have not come to their end. */
export async function* listRollbacks(
  work: ObjectStore,
  signal: AbortSignal,
): AsyncGenerator<{ plan: RestorePlan; since: Date }> {
  for await (const { key } of work.list(PREFIX, { signal })) {
    const text = Buffer.from(await work.get(key, { signal })).toString();
    const { plan, since } = Rollback.parse(JSON.parse(text));
    yield { plan, since: new Date(since) };
  }
}
