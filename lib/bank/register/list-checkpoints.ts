import type { CallOptions } from '../store/object-store.ts';
import { RecordUnreadable } from './errors.ts';
import { CheckpointId, serverKeyIn } from './ids.ts';
import type { CheckpointRecord } from './record.ts';
import { type RecordHead, recordSeries } from './records.ts';
import type { Register } from './register.ts';
import { isOpenGrave, type ListedSeries, listSeries, readListedTogether } from './series.ts';

/** Requests under way at once while listing, and records whose tombstones are looked for by one list. */
const READS_AT_ONCE = 32;
const READ_TOGETHER = 256;

export interface ListOptions extends CallOptions {
  /** Only this server's records: one short list. */
  serverKey?: string;
  /** Only those that come after this checkpoint in the list. */
  after?: string;
}

/** A record's place in a list, known without reading it. */
export interface ListedRecord extends Omit<ListedSeries, 'prefix'> {
  readonly checkpoint: string;
}

/** A record, and whether its burial is to be finished. */
export interface ListedHead {
  readonly checkpoint: string;
  readonly head: RecordHead;
  readonly isOpenGrave: boolean;
}

/**
 * The records of the register, in the order of server keys and checkpoint ids, which says nothing about time. A read for
 * each record that is not buried, and lists.
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
): AsyncGenerator<ListedHead, void, undefined> {
  let together: ListedRecord[] = [];
  for await (const listed of listKeys(register, options)) {
    together.push(listed);
    if (together.length < READ_TOGETHER) continue;
    yield* await readHeads(register, together, options);
    together = [];
  }
  yield* await readHeads(register, together, options);
}

async function readHeads(
  register: Register,
  records: readonly ListedRecord[],
  { serverKey, signal }: ListOptions,
): Promise<ListedHead[]> {
  const listed = records.map(({ checkpoint, generation }) => ({
    series: recordSeries(register, checkpoint),
    highest: generation,
  }));
  const below = recordsBelow(serverKey);
  const readOptions = {
    below,
    readsAtOnce: READS_AT_ONCE,
    ...(signal === undefined ? {} : { signal }),
  };
  const heads = await readListedTogether(listed, readOptions);
  return records.flatMap((record, index) => {
    const head = heads[index];
    const { checkpoint } = record;
    return head === undefined ? [] : [{ checkpoint, head, isOpenGrave: isOpenGrave(record) }];
  });
}

function recordsBelow(serverKey: string | undefined): string {
  return serverKey === undefined ? 'records/' : `records/${serverKey}/`;
}

/** The records as the keys alone show them. */
export async function* listKeys(
  register: Register,
  { serverKey, after, ...options }: ListOptions = {},
): AsyncGenerator<ListedRecord, void, undefined> {
  const prefix = recordsBelow(serverKey);
  const place = after === undefined ? {} : { after: recordSeries(register, after).prefix };
  for await (const listed of listSeries(register.store, prefix, { ...options, ...place })) {
    const { prefix: found, ...keys } = listed;
    yield { checkpoint: checkpointIn(found), ...keys };
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
