import type { CallOptions } from '../store/object-store.ts';
import { CheckpointNotFound, CheckpointStateRefused } from './errors.ts';
import { type RecordIn, transitions } from './record.ts';
import {
  carriedWithRoot,
  changeRecord,
  type RecordHead,
  readRecord,
  recordSeries,
} from './records.ts';
import type { Register } from './register.ts';
import { bury } from './series.ts';

/**
 * COMMITTED -> DELETING: deletes nothing. Until the collector takes it up after the undelete window the checkpoint can be read and
 * brought back, but new checkpoints no longer build on it. A checkpoint that is DELETING already stays so.
 */
export async function pruneCheckpoint(
  register: Register,
  checkpoint: string,
  options: CallOptions = {},
): Promise<RecordIn<'DELETING'>> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = current.kind === 'live' ? current.value : undefined;
      return record?.state === 'COMMITTED'
        ? { ...carriedWithRoot(record), state: 'DELETING' }
        : undefined;
    },
    options,
  );
  if (head.kind === 'live' && head.value.state === 'DELETING') return head.value;
  throw refused(checkpoint, head, 'pruned');
}

/** DELETING -> COMMITTED. A checkpoint that is COMMITTED stays so; one that is being collected is lost. */
export async function undeleteCheckpoint(
  register: Register,
  checkpoint: string,
  options: CallOptions = {},
): Promise<RecordIn<'COMMITTED'>> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = current.kind === 'live' ? current.value : undefined;
      return record?.state === 'DELETING'
        ? { ...carriedWithRoot(record), state: 'COMMITTED' }
        : undefined;
    },
    options,
  );
  if (head.kind === 'live' && head.value.state === 'COMMITTED') return head.value;
  throw refused(checkpoint, head, 'brought back');
}

/** DELETING -> COLLECTING, if the record is still as it was seen; from here on there is no way back. Returns it as it then is. */
export async function startCollecting(
  register: Register,
  seen: RecordIn<'DELETING'>,
  options: CallOptions = {},
): Promise<RecordHead> {
  return await changeRecord(
    register,
    seen.checkpoint,
    (current) =>
      current.kind === 'live' &&
      current.value.state === 'DELETING' &&
      current.value.writeId === seen.writeId
        ? { ...carriedWithRoot(current.value), state: 'COLLECTING' }
        : undefined,
    options,
  );
}

/** Removes an ABORTED or COLLECTING record but for its tombstone, when nothing is left to delete of its checkpoint. Safe to repeat. */
export async function buryRecord(
  register: Register,
  checkpoint: string,
  options: CallOptions = {},
): Promise<void> {
  const head = await readRecord(register, checkpoint, options);
  const isOver =
    head.kind === 'buried' || (head.kind === 'live' && transitions[head.value.state].length === 0);
  if (!isOver) throw refused(checkpoint, head, 'removed');
  await bury(recordSeries(register, checkpoint), options);
}

/** Notes in a COMMITTED record that the checkpoint was read whole (or restored, or booted) at this time, and all was right. */
export async function noteProof(
  register: Register,
  checkpoint: string,
  { how, ...options }: CallOptions & { how: string },
): Promise<RecordIn<'COMMITTED'>> {
  const at = new Date(register.clock.now()).toISOString();
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = current.kind === 'live' ? current.value : undefined;
      if (record?.state !== 'COMMITTED') return undefined;
      if (record.lastProven !== undefined && record.lastProven.at >= at) return undefined;
      const { claim } = record;
      return {
        ...carriedWithRoot(record),
        state: 'COMMITTED',
        ...(claim === undefined ? {} : { claim }),
        lastProven: { at, how },
      };
    },
    options,
  );
  if (head.kind === 'live' && head.value.state === 'COMMITTED') return head.value;
  throw refused(checkpoint, head, 'noted as proven');
}

function refused(checkpoint: string, head: RecordHead, what: string) {
  if (head.kind === 'absent') {
    return new CheckpointNotFound(`There is no checkpoint ${checkpoint} to be ${what}.`, {
      identifiers: { checkpoint },
    });
  }
  const state = head.kind === 'live' ? head.value.state : 'removed';
  return new CheckpointStateRefused(`Checkpoint ${checkpoint} is ${state} and cannot be ${what}.`, {
    identifiers: { checkpoint, state },
  });
}
