import { adoptBank } from '../../lib/bank/adopt.ts';
import type { CommandContext } from '../context.ts';

/** `snapbank bank adopt`: makes a copy a bank of its own. Needs no cloud. */
export async function adoptCopy(
  context: CommandContext,
  { moved = false }: { moved?: boolean },
): Promise<void> {
  const { output } = context;
  const services = await context.services();
  const { places } = services;
  const bank = await services.bank();
  const adopted = await adoptBank(places, bank, { moved });
  const { home } = bank.info;
  output.event({
    type: 'summary',
    adopted,
    moved,
    bank: places.bank.location,
    register: places.register.location,
    before: home === undefined ? null : { bank: home.bank, register: home.register },
  });
  if (!adopted) {
    output.line('Bank and register lie where their note says: nothing was changed.');
    return;
  }
  output.line(
    `The bank at ${places.bank.location} has its register at ${places.register.location}.`,
  );
  if (home === undefined) return;
  output.line(
    moved
      ? `Nobody may write to ${home.bank} with ${home.register} any more.`
      : `It is a bank of its own from now on. Do not copy from ${home.bank} over it again.`,
  );
}
