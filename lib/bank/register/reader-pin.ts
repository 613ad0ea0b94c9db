import { refusesWrites } from '../refuses-writes.ts';
import type { CallOptions } from '../store/object-store.ts';
import { CheckpointNotFound, CheckpointStateRefused, PinFenced } from './errors.ts';
import { pinIdOf } from './ids.ts';
import {
  DEFAULT_LEASE_SECONDS,
  executionNow,
  isHalfGone,
  isOfAnotherProcess,
  newLease,
} from './lease.ts';
import { pinSeries, type ReaderPinRecord } from './pin.ts';
import type { CheckpointRecord, Execution, ReadableRecord, RootReference } from './record.ts';
import { readRecord } from './records.ts';
import type { Register } from './register.ts';
import { compareAndSet, deleteGenerations, readHead } from './series.ts';
import { FORMAT_VERSION } from '../format-version.ts';

export interface PinRequest extends CallOptions {
  checkpoint: string;
  execution: Execution;
  /** Default: an hour. */
  leaseSeconds?: number;
}

/** A checkpoint that is held for a reader. */
export interface ReaderPin {
  /** Null where the bank is read-only: then nothing but luck keeps the checkpoint from being collected meanwhile. */
  readonly id: string | null;
  /** COMMITTED or DELETING when it was read after the pin was written. */
  readonly record: ReadableRecord;
}

/** Roots that a checkpoint may get, and pins that may be fenced, while it is being pinned. */
const MAX_TRIES = 8;

/**
 * Pins the checkpoint for a restore or a verification: until the pin is released, or its lease runs out, nothing that the root names
 * is deleted. The same execution gets the same pin again. Throws `CheckpointNotFound`, or `CheckpointStateRefused` for a checkpoint
 * that is not there yet or no longer.
 */
export async function openPin(register: Register, request: PinRequest): Promise<ReaderPin> {
  const options = request.signal === undefined ? {} : { signal: request.signal };
  const { checkpoint, execution } = request;
  let record = await readReadable(register, checkpoint, options);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const id = pinIdOf(register.nameKey, execution.id, checkpoint, attempt);
    const pin = await hold(register, id, request, record, options);
    if (pin === 'fenced') continue;
    if (pin === 'refused') return { id: null, record };
    // Read again only now: a collector that missed the pin has left the record in a state that shows here.
    record = await readReadable(register, checkpoint, options).catch(async (error: unknown) => {
      await releasePin(register, id, options);
      throw error;
    });
    if (record.root.key === pin.root.key) return { id, record };
    await releasePin(register, id, options);
  }
  throw new CheckpointStateRefused(
    `Checkpoint ${checkpoint} could not be pinned: its root changed, or its pins were fenced, ${MAX_TRIES} times.`,
    { identifiers: { checkpoint } },
  );
}

/** What a reader relies on, as plans carry it. */
export interface HeldRoot {
  /** Null where the bank is read-only. */
  readonly pinId: string | null;
  readonly root: RootReference;
}

/**
 * Renews the pin when less than half of its lease remains. Throws `PinFenced`: what is read from here on may be missing. So it does for a pin
 * that a worker released and another one of the execution took anew, with another root.
 */
export async function renewPin(
  register: Register,
  { pinId, root }: HeldRoot,
  options: CallOptions = {},
): Promise<void> {
  if (pinId === null) return;
  const series = pinSeries(register, pinId);
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const head = await readHead(series, options);
    if (head.kind !== 'live' || head.value.state !== 'HELD') break;
    if (head.value.root.key !== root.key) break;
    const { execution } = head.value;
    const isCurrent = !isOfAnotherProcess(register, execution);
    if (isCurrent && !isHalfGone(register, head.value.lease)) return;
    const next = {
      ...head.value,
      execution: executionNow(register, execution),
      lease: newLease(register, head.value.lease.seconds),
      writeId: register.randomHex(16),
    };
    if (await compareAndSet(series, head.generation, next, options)) return;
  }
  throw new PinFenced(`Pin ${pinId} ran out or was released; its reader cannot go on.`, {
    identifiers: { pin: pinId },
  });
}

/** A small part of a pin's lease. */
const LOOK_EVERY_MILLISECONDS = 10 * 60 * 1000;

/** For a loop that must keep a pin alive: call it at every turn. It looks at the register at the first call, and then now and then. */
export function pinKeeper(
  register: Register,
  held: HeldRoot,
): (options?: CallOptions) => Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (options = {}) => {
    const now = register.clock.now();
    if (now - lookedAt < LOOK_EVERY_MILLISECONDS) return;
    await renewPin(register, held, options);
    lookedAt = now;
  };
}

/** Lets go of the checkpoint. Safe to repeat, and for a pin that was fenced. */
export async function releasePin(
  register: Register,
  id: string | null,
  options: CallOptions = {},
): Promise<void> {
  if (id !== null) await deleteGenerations(pinSeries(register, id), options);
}

/** The pin with a fresh lease; 'fenced' when this id is used up, 'refused' when the register cannot be written. */
async function hold(
  register: Register,
  id: string,
  { checkpoint, execution, leaseSeconds = DEFAULT_LEASE_SECONDS }: PinRequest,
  { root }: ReadableRecord,
  options: CallOptions,
): Promise<ReaderPinRecord | 'fenced' | 'refused'> {
  const series = pinSeries(register, id);
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const head = await readHead(series, options);
    const held = head.kind === 'live' && head.value.state === 'HELD' ? head.value : undefined;
    if (head.kind !== 'absent' && held === undefined) return 'fenced';
    const pin: ReaderPinRecord = {
      version: FORMAT_VERSION,
      id,
      state: 'HELD',
      checkpoint,
      root: held?.root ?? root,
      execution,
      lease: newLease(register, leaseSeconds),
      writeId: register.randomHex(16),
    };
    try {
      if (await compareAndSet(series, head.generation, pin, options)) return pin;
    } catch (error) {
      if (!refusesWrites(error)) throw error;
      register.log.warn(
        'The register cannot be written: the checkpoint is read without a pin, and may be collected meanwhile',
        { checkpoint, register: register.store.location, cause: error.message },
      );
      return 'refused';
    }
  }
  return 'fenced';
}

async function readReadable(
  register: Register,
  checkpoint: string,
  options: CallOptions,
): Promise<ReadableRecord> {
  const head = await readRecord(register, checkpoint, options);
  if (head.kind !== 'live') {
    const why = head.kind === 'buried' ? 'has been removed' : 'is not in this bank';
    throw new CheckpointNotFound(`Checkpoint ${checkpoint} ${why}.`, {
      identifiers: { checkpoint },
    });
  }
  if (isReadable(head.value)) return head.value;
  const { state } = head.value;
  throw new CheckpointStateRefused(`Checkpoint ${checkpoint} is ${state}, and cannot be read.`, {
    identifiers: { checkpoint, state },
  });
}

function isReadable(record: CheckpointRecord): record is ReadableRecord {
  return record.state === 'COMMITTED' || record.state === 'DELETING';
}
