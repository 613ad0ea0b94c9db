import { CheckpointNotFound, CheckpointStateRefused } from '../bank/register/errors.ts';
import { noteProof } from '../bank/register/prune-checkpoint.ts';
import type { Register } from '../bank/register/register.ts';
import { refusesWrites } from '../bank/refuses-writes.ts';

/** Notes the proof; false where it cannot be noted: the checkpoint is on its way out, or the bank can only be read. */
export async function tryToNoteProof(
  register: Register,
  checkpoint: string,
  how: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await noteProof(register, checkpoint, { how, signal });
    return true;
  } catch (error) {
    const passes =
      error instanceof CheckpointStateRefused ||
      error instanceof CheckpointNotFound ||
      refusesWrites(error);
    if (!passes) throw error;
    return false;
  }
}
