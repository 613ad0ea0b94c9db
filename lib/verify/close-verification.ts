import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import { releasePin } from '../bank/register/reader-pin.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { Services } from '../services.ts';
import { removeObjects } from '../work-objects.ts';
import { readGroup, verificationPrefix, type VerifyGroup, type VerifyPlan } from './plan.ts';

/** Lets go of the checkpoints and removes what only the verification needed; its report stays. Safe to repeat. */
export async function closeVerification(
  services: Services,
  { verificationId, groups }: VerifyPlan,
  signal: AbortSignal,
): Promise<void> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  for (let number = 0; number < groups; number += 1) {
    const group = await groupOf(bank, verificationId, number, signal);
    for (const { pinId } of group?.checkpoints ?? []) await releasePin(register, pinId, { signal });
  }
  await removeObjects(services.places.work, [verificationPrefix(verificationId)], signal);
}

/** Undefined when an earlier attempt has removed it: then its pins are gone too. Those of one that was altered run out. */
async function groupOf(
  bank: Bank,
  verificationId: string,
  number: number,
  signal: AbortSignal,
): Promise<VerifyGroup | undefined> {
  try {
    return await readGroup(bank, verificationId, number, signal);
  } catch (error) {
    if (error instanceof ObjectNotFound || error instanceof ObjectDamaged) return undefined;
    throw error;
  }
}
