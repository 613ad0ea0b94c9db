import type { CallOptions } from '../store/object-store.ts';
import { carried, changeRecord } from './records.ts';
import type { RecordState } from './record.ts';
import type { Register } from './register.ts';

/**
 * OPEN -> ABORTED: what was written for the checkpoint is garbage from here on, and a commit that is still under way fails. Any other
 * state stays as it is. Returns the state that the record is in afterwards, `absent` or `buried` where there is none.
 */
export async function abandonCheckpoint(
  register: Register,
  checkpoint: string,
  { reason, ...options }: CallOptions & { reason: string },
): Promise<RecordState | 'absent' | 'buried'> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) =>
      current.kind === 'live' && current.value.state === 'OPEN'
        ? { ...carried(current.value), state: 'ABORTED', reason }
        : undefined,
    options,
  );
  return head.kind === 'live' ? head.value.state : head.kind;
}
