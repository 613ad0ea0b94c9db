import type { Bank } from '../bank/bank.ts';
import { unwrap, wrap } from '../bank/format/envelope.ts';
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
  const key = keyOf(checkpoint);
  const plain = Buffer.from(JSON.stringify(description));
  const bytes = await wrap(bank.keys, { kind: 'note', key }, plain);
  await bank.places.work.put(key, bytes, { signal });
}

export async function readServerDescription(
  bank: Bank,
  checkpoint: string,
  signal: AbortSignal,
): Promise<ServerDescription> {
  const key = keyOf(checkpoint);
  const bytes = await bank.places.work.get(key, { signal });
  const plain = await unwrap(bank.keys, { kind: 'note', key }, bytes, MAX_BYTES);
  return ServerDescription.parse(JSON.parse(plain.toString()));
}

/** User data alone may be 64 KiB. */
const MAX_BYTES = 16 * 1024 * 1024;

function keyOf(checkpoint: string): string {
  return `descriptions/${checkpoint}`;
}
