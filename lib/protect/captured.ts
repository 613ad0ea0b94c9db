import type { Bank } from '../bank/bank.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { ServerDescription } from './description.ts';

/**
 * What was known of the server when its checkpoint was opened, on its way to the root. It may hold user data, so in a sealed bank it is
 * sealed like a root.
 */
export async function putServerDescription(
  bank: Bank,
  checkpoint: string,
  description: ServerDescription,
  signal: AbortSignal,
): Promise<void> {
  await putNote(bank, keyOf(checkpoint), description, { signal });
}

export async function readServerDescription(
  bank: Bank,
  checkpoint: string,
  signal: AbortSignal,
): Promise<ServerDescription> {
  const expected = { schema: ServerDescription, maxBytes: MAX_BYTES };
  return await readNote(bank, keyOf(checkpoint), expected, { signal });
}

/** User data alone may be 64 KiB. */
const MAX_BYTES = 16 * 1024 * 1024;

function keyOf(checkpoint: string): string {
  return `descriptions/${checkpoint}`;
}
