import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { ServerDescription, VolumeDescription } from './description.ts';

/**
 * What was known of the server and of the volumes to protect when the checkpoint was opened, on its way to the root. It may hold user
 * data, so in a sealed bank it is sealed like a root.
 */
const Captured = z.strictObject({
  server: ServerDescription,
  volumes: z.array(VolumeDescription),
  plan: z.string().nullable().default(null),
});
export type Captured = z.infer<typeof Captured>;

export async function putCaptured(
  bank: Bank,
  checkpoint: string,
  captured: Captured,
  signal: AbortSignal,
): Promise<void> {
  await putNote(bank, keyOf(checkpoint), captured, { signal });
}

export async function readCaptured(
  bank: Bank,
  checkpoint: string,
  signal: AbortSignal,
): Promise<Captured> {
  const expected = { schema: Captured, maxBytes: MAX_BYTES };
  return await readNote(bank, keyOf(checkpoint), expected, { signal });
}

/** User data alone may be 64 KiB. */
const MAX_BYTES = 16 * 1024 * 1024;

function keyOf(checkpoint: string): string {
  return `descriptions/${checkpoint}`;
}
