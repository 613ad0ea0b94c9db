import * as z from 'zod';
import { StoreUnavailable } from '../store/errors.ts';
import type { CallOptions } from '../store/object-store.ts';
import { CheckpointStateRefused, RecordUnreadable } from './errors.ts';
import { serverKeyIn } from './ids.ts';
import { CheckpointRecord, type RootedRecord, transitions } from './record.ts';
import type { Register } from './register.ts';
import { decodeSigned, encodeSigned } from './signed-json.ts';
import { compareAndSet, type Head, readHead, type Series } from './series.ts';
import { FORMAT_VERSION } from '../format-version.ts';

/** Whatever else it says: this version cannot know what it means. */
const LaterVersion = z.object({ version: z.int().gt(FORMAT_VERSION) });

export type RecordHead = Head<CheckpointRecord>;

type WithoutWrite<Value> = Value extends unknown ? Omit<Value, 'writeId' | 'since'> : never;
/** A record but for what `writeRecord` adds. */
export type RecordDraft = WithoutWrite<CheckpointRecord>;

/** Times a change is decided anew because others changed the record first. */
const MAX_DECISIONS = 32;

export function recordSeries(register: Register, checkpoint: string): Series<CheckpointRecord> {
  return {
    store: register.store,
    prefix: `records/${serverKeyIn(checkpoint)}/${checkpoint}`,
    encode: (record, key) => encodeSigned(register.nameKey, key, record),
    decode: (bytes, key) => decodeRecord(register, bytes, key, checkpoint),
    vanishes: false,
  };
}

export async function readRecord(
  register: Register,
  checkpoint: string,
  options: CallOptions = {},
): Promise<RecordHead> {
  return await readHead(recordSeries(register, checkpoint), options);
}

/**
 * Reads the record, lets `decide` say what it should become, writes that by compare-and-set, and again if another write came first.
 * Where `decide` returns undefined the record stays. Returns it as it is then.
 */
export async function changeRecord(
  register: Register,
  checkpoint: string,
  decide: (head: RecordHead) => RecordDraft | undefined,
  options: CallOptions = {},
): Promise<RecordHead> {
  for (let decisions = 1; decisions <= MAX_DECISIONS; decisions++) {
    const head = await readRecord(register, checkpoint, options);
    const draft = decide(head);
    if (draft === undefined) return head;
    const written = await writeRecord(register, head, draft, options);
    if (written !== undefined) return written;
  }
  throw new StoreUnavailable(
    `The record of checkpoint ${checkpoint} in ${register.store.location} was changed by others ${MAX_DECISIONS} times in a row.`,
    { identifiers: { checkpoint } },
  );
}

/** One compare-and-set of the record, from `head` to the draft; undefined when another write came first. */
export async function writeRecord(
  register: Register,
  head: RecordHead,
  draft: RecordDraft,
  options: CallOptions = {},
): Promise<RecordHead | undefined> {
  refuseForbiddenStep(head, draft);
  const stays = head.kind === 'live' && head.value.state === draft.state;
  const value: CheckpointRecord = {
    ...draft,
    since: stays ? head.value.since : new Date(register.clock.now()).toISOString(),
    writeId: register.randomHex(16),
  };
  const series = recordSeries(register, draft.checkpoint);
  return (await compareAndSet(series, head.generation, value, options))
    ? { kind: 'live', generation: head.generation + 1, value }
    : undefined;
}

/** The fields that go with a record through all its states. */
export function carried(record: CheckpointRecord) {
  const { version, checkpoint, server, createdAt, execution, summary } = record;
  return {
    version,
    checkpoint,
    server,
    createdAt,
    execution,
    ...(summary === undefined ? {} : { summary }),
  };
}

/** The fields that go with a record from COMMITTED on. A claim does not: it goes with every change of state. */
export function carriedWithRoot(record: RootedRecord) {
  const { root, lockedUntil, lastProven, compacted } = record;
  return {
    ...carried(record),
    root,
    ...(lockedUntil === undefined ? {} : { lockedUntil }),
    ...(lastProven === undefined ? {} : { lastProven }),
    ...(compacted === undefined ? {} : { compacted }),
  };
}

function decodeRecord(
  { nameKey }: Register,
  bytes: Uint8Array,
  key: string,
  checkpoint: string,
): CheckpointRecord {
  let json: unknown;
  try {
    json = decodeSigned(nameKey, key, bytes);
  } catch (cause) {
    throw unreadable(key, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const { data: later } = LaterVersion.safeParse(json);
  if (later !== undefined) throw unreadable(key, `it is of version ${later.version}`);
  const result = CheckpointRecord.safeParse(json);
  if (!result.success) throw unreadable(key, z.prettifyError(result.error), result.error);
  if (result.data.checkpoint !== checkpoint) {
    throw unreadable(key, `it is the record of ${result.data.checkpoint}`);
  }
  return result.data;
}

function unreadable(key: string, why: string, cause?: unknown): RecordUnreadable {
  return new RecordUnreadable(`${key} in the register is no record: ${why}.`, {
    cause,
    identifiers: { key },
  });
}

function refuseForbiddenStep(head: RecordHead, draft: RecordDraft): void {
  const allowed =
    head.kind === 'live'
      ? transitions[head.value.state].includes(draft.state)
      : head.kind === 'absent' && draft.state === 'OPEN';
  if (allowed) return;
  const from = head.kind === 'live' ? head.value.state : head.kind;
  throw new CheckpointStateRefused(
    `Checkpoint ${draft.checkpoint} is ${from} and cannot become ${draft.state}.`,
    { identifiers: { checkpoint: draft.checkpoint, state: from } },
  );
}
