import { isDeepStrictEqual } from 'node:util';
import type { CallOptions } from '../store/object-store.ts';
import { CheckpointFenced } from './errors.ts';
import type { Execution, Lease, OpenRecord } from './record.ts';
import { carried, changeRecord, type RecordDraft, type RecordHead } from './records.ts';
import type { Register } from './register.ts';

/** A lease is long against the time between two renewals, which come with each poll and each pack. */
export const DEFAULT_LEASE_SECONDS = 3600;

export function newLease(register: Register, seconds: number): Lease {
  return { renewedAt: new Date(register.clock.now()).toISOString(), seconds };
}

/** Milliseconds that are left of a lease; none or fewer when it ran out. */
export function remainingMilliseconds(register: Register, lease: Lease): number {
  return Date.parse(lease.renewedAt) + lease.seconds * 1000 - register.clock.now();
}

export function isHalfGone(register: Register, lease: Lease): boolean {
  return remainingMilliseconds(register, lease) < lease.seconds * 500;
}

/** Its lease runs, and its process, where it names one, is not known to be gone. */
export async function isAlive(
  register: Register,
  { lease, execution }: { lease: Lease; execution: Execution },
): Promise<boolean> {
  if (remainingMilliseconds(register, lease) <= 0) return false;
  return execution.process === undefined || !(await register.isProcessGone(execution.process));
}

/**
 * Renews the lease of an open checkpoint when less than half of it remains; returns the record as it then is. Throws
 * `CheckpointFenced` when the checkpoint is no longer open. Any worker of the execution may call it, as often as it likes.
 */
export async function renewLease(
  register: Register,
  checkpoint: string,
  options: CallOptions = {},
): Promise<OpenRecord> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const open = openOrFenced(checkpoint, current);
      return isHalfGone(register, open.lease) || isOfAnotherProcess(register, open.execution)
        ? renewed(register, open)
        : undefined;
    },
    options,
  );
  return openOrFenced(checkpoint, head);
}

/**
 * For a loop that must keep a checkpoint alive and notice when it was fenced: call it at every turn. It looks at the register only
 * when, from what it saw last, less than half of the lease remains.
 */
export function leaseKeeper(
  register: Register,
  checkpoint: string,
): (options?: CallOptions) => Promise<void> {
  let lease: Lease | undefined;
  return async (options = {}) => {
    if (lease !== undefined && !isHalfGone(register, lease)) return;
    ({ lease } = await renewLease(register, checkpoint, options));
  };
}

export function renewed(register: Register, open: OpenRecord): RecordDraft {
  const { pins, lease } = open;
  return {
    ...carried(open),
    execution: executionNow(register, open.execution),
    state: 'OPEN',
    pins,
    lease: newLease(register, lease.seconds),
  };
}

/** A resumed execution runs in another process than the one that its record names, which would count as dead. */
export function isOfAnotherProcess({ process }: Register, execution: Execution): boolean {
  return process !== undefined && !isDeepStrictEqual(process, execution.process);
}

export function executionNow({ process }: Register, execution: Execution): Execution {
  return process === undefined ? execution : { ...execution, process };
}

/** The open record, or `CheckpointFenced`. */
export function openOrFenced(checkpoint: string, head: RecordHead): OpenRecord {
  if (head.kind === 'live' && head.value.state === 'OPEN') return head.value;
  throw fenced(checkpoint, head);
}

export function fenced(checkpoint: string, head: RecordHead): CheckpointFenced {
  const identifiers = { checkpoint };
  if (head.kind !== 'live') {
    const what = head.kind === 'buried' ? 'has been removed' : 'does not exist';
    return new CheckpointFenced(`Checkpoint ${checkpoint} ${what}; this backup cannot go on.`, {
      identifiers,
    });
  }
  const { value } = head;
  const why = value.state === 'ABORTED' ? ` (${value.reason})` : '';
  return new CheckpointFenced(
    `Checkpoint ${checkpoint} is ${value.state}${why}, no longer OPEN; this backup cannot go on.`,
    { identifiers: { ...identifiers, state: value.state } },
  );
}
