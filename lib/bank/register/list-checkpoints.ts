import type { CallOptions } from '../store/object-store.ts';
import { RecordUnreadable } from './errors.ts';
import { CheckpointId, serverKeyIn } from './ids.ts';
import { mapInOrder } from './in-order.ts';
import type { CheckpointRecord } from './record.ts';
import { type RecordHead, recordSeries } from './records.ts';
import type { Register } from './register.ts';
import { listSeries, readListed } from './series.ts';

/** Records read at once while listing. */
const READS_AT_ONCE = 16;

export interface ListOptions extends CallOptions {
  /** Only this server's records: one short list. */
  serverKey?: string;
  /** Only those that come after this checkpoint in the list. */
  after?: string;
}

/** A record's place in a list: its checkpoint and its highest generation, known without reading it. */
export interface ListedRecord {
  readonly checkpoint: string;
  readonly generation: number;
}

/**
 * The records of the register, in the order of server keys and checkpoint ids, which says nothing about time. One list, and a read
 * for each record that is not buried.
 */
export async function* listCheckpoints(
  register: Register,
  options: ListOptions = {},
): AsyncGenerator<CheckpointRecord, void, undefined> {
  for await (const { head } of listHeads(register, options)) {
    if (head.kind === 'live') yield head.value;
  }
}

/** Every record with its head, buried ones too (these without a read). */
export async function* listHeads(
  register: Register,
  options: ListOptions = {},
): AsyncGenerator<{ checkpoint: string; head: RecordHead }, void, undefined> {
  yield* mapInOrder(listKeys(register, options), READS_AT_ONCE, async (listed) => {
    const { checkpoint, generation } = listed;
    const head = await readListed(recordSeries(register, checkpoint), generation, options);
    return { checkpoint, head };
  });
}

/** The records as the keys alone show them. */
export async function* listKeys(
  register: Register,
  { serverKey, after, ...options }: ListOptions = {},
): AsyncGenerator<ListedRecord, void, undefined> {
  const prefix = serverKey === undefined ? 'records/' : `records/${serverKey}/`;
  const place = after === undefined ? {} : { after: recordSeries(register, after).prefix };
  for await (const listed of listSeries(register.store, prefix, { ...options, ...place })) {
    yield { checkpoint: checkpointIn(listed.prefix), generation: listed.generation };
  }
}

function checkpointIn(prefix: string): string {
  const [, serverKey, id, ...rest] = prefix.split('/');
  const checkpoint = CheckpointId.safeParse(id);
  if (checkpoint.success && serverKeyIn(checkpoint.data) === serverKey && rest.length === 0) {
    return checkpoint.data;
  }
  throw new RecordUnreadable(`${prefix} lies among the records in the register and is none.`, {
    identifiers: { key: prefix },
  });
}
