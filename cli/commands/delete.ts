import { pruneCheckpoint, undeleteCheckpoint } from '../../lib/bank/register/prune-checkpoint.ts';
import { resolveCheckpoint } from '../../lib/protect/resolve-checkpoint.ts';
import type { CommandContext } from '../context.ts';

/** `snapbank delete`: takes one checkpoint out, also the newest or the last: whoever names it means it. It can be brought back. */
export async function deleteCheckpoint(context: CommandContext, reference: string): Promise<void> {
  const { output, signal } = context;
  const services = await context.services();
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const { checkpoint } = await resolveCheckpoint(bank, register, reference, signal);
  const { state, lockedUntil } = await pruneCheckpoint(register, checkpoint, { signal });
  output.event({ type: 'summary', checkpoint, state, lockedUntil: lockedUntil ?? null });
  output.line(`${checkpoint} is ${state}.`);
  if (lockedUntil !== undefined) {
    output.line(`It is locked until ${lockedUntil}: its space becomes free after that.`);
  }
  output.line(
    `Until snapbank collect-garbage removes it, snapbank undelete ${checkpoint} brings it back.`,
  );
}

/** `snapbank undelete`: brings a checkpoint back that was deleted or pruned and not yet collected; `@latest` is the newest of those. */
export async function undelete(context: CommandContext, reference: string): Promise<void> {
  const { output, signal } = context;
  const services = await context.services();
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const found = await resolveCheckpoint(bank, register, reference, signal, 'DELETING');
  const { checkpoint } = found;
  const { state } = await undeleteCheckpoint(register, checkpoint, { signal });
  const changed = found.state !== state;
  output.event({ type: 'summary', checkpoint, state, changed });
  output.line(
    changed
      ? `${checkpoint} is ${state} again.`
      : `${checkpoint} is not deleted; nothing was done.`,
  );
}
