import { adoptRegister, type Found, rebuildRegister } from '../../lib/protect/rebuild-register.ts';
import type { CommandContext } from '../context.ts';
import { BANK_FILE_KEY } from '../../lib/bank/object-keys.ts';
import { RegisterLost } from '../../lib/bank/errors.ts';
import { newHomeId, noteHome } from '../../lib/bank/home.ts';

export interface RebuildOptions {
  dryRun?: boolean;
  abandonRest?: boolean;
}

/** `snapbank bank rebuild`: records for the checkpoints that only the bank still knows of. Needs no cloud. */
export async function rebuildBank(context: CommandContext, options: RebuildOptions): Promise<void> {
  const { output, signal } = context;
  const services = await context.services();
  const { dryRun = false, abandonRest = false } = options;
  const { register: place } = services.places;
  if (dryRun && (await place.size(BANK_FILE_KEY)) === undefined) {
    throw new RegisterLost(
      `The register at ${place.location} is empty: what is in the bank can only be looked at with a register. Give an empty one (SNAPBANK_REGISTER) and leave --dry-run out; nothing in the bank itself is changed.`,
    );
  }
  const adopted = dryRun ? false : await adoptRegister(services.places);
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  // Where the bank's other register is, if it has one, nobody knows: this pair is another.
  if (adopted) {
    const note = { homeId: newHomeId(), now: services.clock.now() };
    await noteHome(services.places, bank.keys.nameKey, note);
  }
  const found = await rebuildRegister(bank, register, { dryRun, abandonRest, signal });
  const count = (state: Found['state']) => found.filter((one) => one.state === state).length;
  for (const one of found) output.event({ type: 'checkpoint', ...one });
  output.event({
    type: 'summary',
    dryRun,
    adopted,
    whole: count('whole'),
    incomplete: count('incomplete'),
    damaged: count('damaged'),
    withoutRoot: count('without root'),
  });
  output.table(
    [
      { title: 'CHECKPOINT', text: ({ checkpoint }) => checkpoint },
      { title: 'SERVER', text: ({ serverId }) => serverId ?? 'not known', shrinkable: true },
      { title: 'CREATED', text: ({ createdAt }) => createdAt ?? 'not known' },
      { title: 'FOUND', text: ({ state }) => state },
      { title: 'MISSING', text: ({ missing }) => missing.join(', '), shrinkable: true },
    ],
    found,
  );
  const rest = found.length - count('whole');
  output.line(
    `${String(count('whole'))} checkpoints ${dryRun ? 'would come' : 'came'} back, ${String(rest)} cannot.`,
  );
  if (rest > 0) {
    output.line(
      abandonRest && !dryRun
        ? 'Those count as removed: the next collection deletes what nothing else refers to.'
        : 'Restore what they miss from a copy and run this again, or give them up with --abandon-rest; until then nothing is collected.',
    );
  }
}
