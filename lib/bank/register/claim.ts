import type { CallOptions } from '../store/object-store.ts';
import {
  DEFAULT_LEASE_SECONDS,
  executionNow,
  isAlive,
  isHalfGone,
  isOfAnotherProcess,
  newLease,
} from './lease.ts';
import type { Claim, CommittedRecord, Execution, RootReference } from './record.ts';
import { carriedWithRoot, changeRecord, type RecordHead } from './records.ts';
import type { Register } from './register.ts';

export interface ClaimRequest extends CallOptions {
  /** New and random for every claim, also of the same execution: what was written under a claim that was lost must never be used. */
  id: string;
  execution: Execution;
  writesAs: string;
  /** The record by which this was decided: with another root, or not COMMITTED any more, it is not claimed. */
  asSeen: CommittedRecord;
}

/**
 * Claims a COMMITTED checkpoint for a compaction: true when the claim stands. False where the checkpoint has changed, or another execution
 * has a claim on it and is alive. The same execution takes its own earlier claim over.
 */
export async function claimCheckpoint(
  register: Register,
  { id, execution, writesAs, asSeen, ...options }: ClaimRequest,
): Promise<boolean> {
  const { checkpoint, root } = asSeen;
  if (!(await othersAreGone(register, execution, asSeen))) return false;
  const lease = newLease(register, DEFAULT_LEASE_SECONDS);
  const claim: Claim = { id, execution: executionNow(register, execution), writesAs, lease };
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = committed(current);
      // With a claim that was not seen, others are at work.
      return record?.root.key === root.key && record.claim?.id === asSeen.claim?.id
        ? { ...carriedWithRoot(record), state: 'COMMITTED', claim }
        : undefined;
    },
    options,
  );
  return committed(head)?.claim?.id === id;
}

/** Renews a claim when less than half of its lease remains. False when it does not stand any more. */
export async function renewClaim(
  register: Register,
  checkpoint: string,
  { id, ...options }: CallOptions & { id: string },
): Promise<boolean> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = committed(current);
      const { claim } = record ?? {};
      if (record === undefined || claim?.id !== id) return undefined;
      const isCurrent = !isOfAnotherProcess(register, claim.execution);
      if (isCurrent && !isHalfGone(register, claim.lease)) return undefined;
      const renewed = {
        ...claim,
        execution: executionNow(register, claim.execution),
        lease: newLease(register, claim.lease.seconds),
      };
      return { ...carriedWithRoot(record), state: 'COMMITTED', claim: renewed };
    },
    options,
  );
  return committed(head)?.claim?.id === id;
}

/**
 * Gives a claimed checkpoint its new root, which with all that it names is durable by now, and ends the claim. True when the checkpoint has
 * the root that was written under this claim, also when an earlier call gave it; false when the claim was lost: the root stays as it was.
 */
export async function replaceRoot(
  register: Register,
  checkpoint: string,
  { id, root, ...options }: CallOptions & { id: string; root: RootReference },
): Promise<boolean> {
  const at = new Date(register.clock.now()).toISOString();
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = committed(current);
      return record?.claim?.id === id
        ? {
            ...carriedWithRoot(record),
            state: 'COMMITTED',
            root: { key: root.key, digest: root.digest },
            compacted: { at, claim: id },
          }
        : undefined;
    },
    options,
  );
  return committed(head)?.compacted?.claim === id;
}

export interface EndOfClaim extends CallOptions {
  id: string;
  /** The record by which this was decided: if it has changed since (a renewed lease), the claim stays. */
  asSeen?: CommittedRecord;
}

/** Ends a claim without having replaced anything. Safe to repeat. Returns the record as it then is. */
export async function endClaim(
  register: Register,
  checkpoint: string,
  { id, asSeen, ...options }: EndOfClaim,
): Promise<RecordHead> {
  return await changeRecord(
    register,
    checkpoint,
    (current) => {
      const record = committed(current);
      if (record?.claim?.id !== id) return undefined;
      if (asSeen !== undefined && asSeen.writeId !== record.writeId) return undefined;
      return { ...carriedWithRoot(record), state: 'COMMITTED' };
    },
    options,
  );
}

async function othersAreGone(
  register: Register,
  execution: Execution,
  { claim }: CommittedRecord,
): Promise<boolean> {
  if (claim === undefined || claim.execution.id === execution.id) return true;
  return !(await isAlive(register, claim));
}

function committed(head: RecordHead): CommittedRecord | undefined {
  return head.kind === 'live' && head.value.state === 'COMMITTED' ? head.value : undefined;
}
