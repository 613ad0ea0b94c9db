import type { CallOptions } from '../store/object-store.ts';
import { fenced } from './lease.ts';
import { isRooted, type RootedRecord, type RootReference } from './record.ts';
import { carried, changeRecord } from './records.ts';
import type { Register } from './register.ts';

export interface Commit extends CallOptions {
  root: RootReference;
  /** Replaces the summary that the record was opened with. */
  summary?: string;
  /** All that the root names is locked until then. */
  lockedUntil?: string;
}

/**
 * OPEN -> COMMITTED: from here on the checkpoint is there. The root and all that it names are durable by now. A checkpoint is
 * committed once: for an execution that asks again (a lost answer, a repeated run) the record is returned as it is, with the root
 * that won, which need not be the one given here. Throws `CheckpointFenced` where the checkpoint was aborted or removed.
 */
export async function commitCheckpoint(
  register: Register,
  checkpoint: string,
  { root, summary, lockedUntil, ...options }: Commit,
): Promise<RootedRecord> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      if (current.kind !== 'live' || current.value.state !== 'OPEN') return undefined;
      return {
        ...carried(current.value),
        ...(summary === undefined ? {} : { summary }),
        state: 'COMMITTED',
        root: { key: root.key, digest: root.digest },
        ...(lockedUntil === undefined ? {} : { lockedUntil }),
      };
    },
    options,
  );
  if (head.kind === 'live' && isRooted(head.value)) return head.value;
  throw fenced(checkpoint, head);
}
