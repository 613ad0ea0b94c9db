import { changeLockDays } from '../../lib/bank/change-lock.ts';
import { InvalidInput } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';

/** `snapbank bank lock`: for how many days a locked bank locks from now on. */
export async function changeBankLock(
  context: CommandContext,
  { days, force = false }: { days?: number; force?: boolean },
): Promise<void> {
  const { output, signal } = context;
  if (days === undefined) {
    throw new InvalidInput('Say for how long: snapbank bank lock --days 60.');
  }
  const bank = await (await context.services()).bank();
  const before = bank.info.lock?.days;
  const lock = await changeLockDays(bank, days, { force, signal });
  output.event({ type: 'summary', location: bank.places.bank.location, lock, before });
  output.line(`Locked (${lock.mode}) for ${String(days)} days, ${String(before)} before.`);
  output.line(
    "Each server's next backup locks all that it refers to for as long. Older checkpoints stay locked as they were: snapbank show says until when.",
  );
}
