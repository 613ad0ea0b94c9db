import type * as z from 'zod';
import type { Bank } from './bank.ts';
import { unwrap, wrap } from './format/envelope.ts';
import type { CallOptions } from './store/object-store.ts';

/** Puts a JSON document that snapbank keeps for itself into the work place, sealed where the bank is. */
export async function putNote(
  { keys, places }: Bank,
  key: string,
  value: unknown,
  options?: CallOptions,
): Promise<void> {
  const plain = Buffer.from(JSON.stringify(value));
  await places.work.put(key, await wrap(keys, { kind: 'note', key }, plain), options);
}

/** Reads one. Throws `ObjectNotFound`, and `ObjectDamaged` for anything that was not put there under this key. */
export async function readNote<Value>(
  { keys, places }: Bank,
  key: string,
  { schema, maxBytes }: { schema: z.ZodType<Value>; maxBytes: number },
  options?: CallOptions,
): Promise<Value> {
  const bytes = await places.work.get(key, options);
  const plain = await unwrap(keys, { kind: 'note', key }, bytes, maxBytes);
  return schema.parse(JSON.parse(plain.toString()));
}
