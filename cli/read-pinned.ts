import { randomUUID } from 'node:crypto';
import type { Bank } from '../lib/bank/bank.ts';
import { thisProcess } from '../lib/bank/register/process.ts';
import { openPin, pinKeeper, releasePin } from '../lib/bank/register/reader-pin.ts';
import { resolveCheckpoint } from '../lib/protect/resolve-checkpoint.ts';
import { readCheckpoint, type ReadableCheckpoint } from '../lib/restore/checkpoint-root.ts';
import type { Services } from '../lib/services.ts';
import type { CommandContext } from './context.ts';

/** A checkpoint that is held while a command reads it. */
export interface PinnedCheckpoint {
  readonly services: Services;
  readonly bank: Bank;
  readonly readable: ReadableCheckpoint;
  /** To be called now and then. */
  readonly keepPin: ReturnType<typeof pinKeeper>;
}

/** Pins the checkpoint for as long as the work takes, however it ends. */
export async function readPinned(
  { services: servicesOf, signal }: CommandContext,
  { reference, command }: { reference: string; command: string },
  work: (pinned: PinnedCheckpoint) => Promise<void>,
): Promise<void> {
  const services = await servicesOf();
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const { checkpoint } = await resolveCheckpoint(bank, register, reference, signal);
  const process = await thisProcess();
  const pin = await openPin(register, {
    checkpoint,
    execution: { id: `${command}:${randomUUID()}`, ...(process === undefined ? {} : { process }) },
    signal,
  });
  try {
    const { root } = pin.record;
    const readable = await readCheckpoint(bank, { checkpoint, root }, signal);
    await work({
      services,
      bank,
      readable,
      keepPin: pinKeeper(register, { pinId: pin.id, root: pin.record.root }),
    });
  } finally {
    await releasePin(register, pin.id);
  }
}
