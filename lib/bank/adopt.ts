import { type Clock, systemClock } from '../clock.ts';
import { InvalidInput } from '../errors.ts';
import type { Bank } from './bank.ts';
import { newHomeId, noteHome } from './home.ts';
import type { BankPlaces } from './places.ts';
import { provePutIfAbsent } from './store/probe.ts';

/**
 * Makes a copy, opened at `places`, a bank of its own: from now on it may be written. A bank that was moved, or is known by another
 * name now, stays what it was; nobody may write to where it was. False where it is at home already. Throws `InvalidInput` for half a
 * copy that was not moved: its other half would serve two.
 */
export async function adoptBank(
  places: BankPlaces,
  { info, keys }: Bank,
  { moved, clock = systemClock }: { moved: boolean; clock?: Clock },
): Promise<boolean> {
  const { home, isCopy } = info;
  if (home !== undefined && !isCopy) return false;
  const isHalf =
    home !== undefined &&
    (home.bank === places.bank.location || home.register === places.register.location);
  if (isHalf && !moved) {
    const [same, other] =
      home.bank === places.bank.location
        ? [`the bank at ${home.bank} has the register at ${home.register}`, 'bank']
        : [`the register at ${home.register} is of the bank at ${home.bank}`, 'register'];
    throw new InvalidInput(
      `By its note ${same}. A copy needs a ${other} of its own (SNAPBANK_BANK, SNAPBANK_REGISTER; an empty register and \`snapbank bank rebuild\` will do). If nobody writes there any more, say --moved.`,
    );
  }
  await provePutIfAbsent(places.register);
  const homeId = moved || home === undefined ? info.homeId : newHomeId();
  await noteHome(places, keys.nameKey, { homeId, now: clock.now() });
  return true;
}
