import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { ServerProtectable } from '../protectable.ts';

/** Writes the items of an execution as JSON lines; the same execution writes the same key. */
export async function putItems(
  work: ObjectStore,
  execution: string,
  items: readonly ServerProtectable[],
  signal: AbortSignal,
): Promise<string> {
  const key = `items/${executionKey(execution)}.jsonl`;
  const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
  await work.put(key, Buffer.from(lines), { signal });
  return key;
}

export async function readItems(
  work: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<ServerProtectable[]> {
  const text = Buffer.from(await work.get(key, { signal })).toString();
  return z.array(ServerProtectable).parse(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line)),
  );
}

/** An execution's id holds colons and may be long; keys hold neither. */
export function executionKey(execution: string): string {
  return createHash('sha256').update(execution).digest('hex').slice(0, 32);
}
