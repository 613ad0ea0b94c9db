import type { CallOptions } from '../store/object-store.ts';
import { carried, changeRecord } from './records.ts';
import type { OpenRecord, RecordState } from './record.ts';
import type { Register } from './register.ts';

export interface Abandon extends CallOptions {
  reason: string;
  /** The record by which this was decided: if it has changed since (a renewed lease, another process), it stays. */
  asSeen?: OpenRecord;
}

/**
 * OPEN -> ABORTED: what was written for the checkpoint is garbage from here on, and a commit that is still under way fails. Any other
 * state stays as it is. Returns the state that the record is in afterwards, `absent` or `buried` where there is none.
 */
export async function abandonCheckpoint(
  register: Register,
  checkpoint: string,
  { reason, asSeen, ...options }: Abandon,
): Promise<RecordState | 'absent' | 'buried'> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      if (current.kind !== 'live' || current.value.state !== 'OPEN') return undefined;
      if (asSeen !== undefined && asSeen.writeId !== current.value.writeId) return undefined;
      return { ...carried(current.value), state: 'ABORTED', reason };
    },
    options,
  );
  return head.kind === 'live' ? head.value.state : head.kind;
}
