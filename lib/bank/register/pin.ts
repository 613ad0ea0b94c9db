import type { KeyObject } from 'node:crypto';
import * as z from 'zod';
import type { CallOptions } from '../store/object-store.ts';
import { RecordUnreadable } from './errors.ts';
import { PinId } from './ids.ts';
import { Execution, Lease, Pin } from './record.ts';
import type { Register } from './register.ts';
import { decodeSigned, encodeSigned } from './signed-json.ts';
import {
  bury,
  compareAndSet,
  isOpenGrave,
  listSeries,
  readHead,
  readListed,
  type Series,
} from './series.ts';
import { FORMAT_VERSION } from '../format-version.ts';

/** One generation of a reader's pin: a restore or a verification reads this checkpoint by this root now. */
export const ReaderPinRecord = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  id: PinId,
  /** HELD holds the checkpoint; FENCED holds nothing, and the reader that finds it so stops. */
  state: z.enum(['HELD', 'FENCED']),
  ...Pin.shape,
  execution: Execution,
  lease: Lease,
  writeId: z.string().min(1),
});
export type ReaderPinRecord = Readonly<z.infer<typeof ReaderPinRecord>>;

export function pinSeries({ store, nameKey }: Register, id: string): Series<ReaderPinRecord> {
  return {
    store,
    prefix: `pins/${id}`,
    encode: (pin, key) => encodeSigned(nameKey, key, pin),
    decode: (bytes, key) => decodePin(nameKey, bytes, key),
    // A renewal that comes after the release makes a pin that holds too much until its lease runs out, never too little.
    vanishes: true,
  };
}

/** The pins that are HELD. */
export async function* listPins(
  register: Register,
  options: CallOptions = {},
): AsyncGenerator<ReaderPinRecord, void, undefined> {
  for await (const { held } of listAllPins(register, options)) if (held !== undefined) yield held;
}

/** A pin, or what is to be buried of one. */
export interface ListedPin {
  readonly id: string;
  /** Undefined where it holds nothing. */
  readonly held?: ReaderPinRecord;
}

/** The pins that are HELD, and those that are over and yet not buried: whoever fenced them did not live to do it. */
export async function* listAllPins(
  register: Register,
  options: CallOptions = {},
): AsyncGenerator<ListedPin, void, undefined> {
  for await (const listed of listSeries(register.store, 'pins/', options)) {
    const id = listed.prefix.slice('pins/'.length);
    const head = await readListed(pinSeries(register, id), listed.generation, options);
    if (head.kind === 'live') yield head.value.state === 'HELD' ? { id, held: head.value } : { id };
    else if (isOpenGrave(listed)) yield { id };
  }
}

/** HELD -> FENCED, if the pin is still as it was seen: true when it holds nothing any more. */
export async function fencePin(
  register: Register,
  seen: ReaderPinRecord,
  options: CallOptions = {},
): Promise<boolean> {
  const series = pinSeries(register, seen.id);
  const head = await readHead(series, options);
  if (head.kind !== 'live' || head.value.state !== 'HELD') return true;
  if (head.value.writeId !== seen.writeId) return false;
  const next = { ...seen, state: 'FENCED' as const, writeId: register.randomHex(16) };
  return await compareAndSet(series, head.generation, next, options);
}

export async function buryPin(
  register: Register,
  id: string,
  options: CallOptions = {},
): Promise<void> {
  await bury(pinSeries(register, id), options);
}

function decodePin(nameKey: KeyObject, bytes: Uint8Array, key: string): ReaderPinRecord {
  try {
    return ReaderPinRecord.parse(decodeSigned(nameKey, key, bytes));
  } catch (cause) {
    const why = cause instanceof RangeError ? `: ${cause.message}` : '';
    throw new RecordUnreadable(`${key} in the register is no pin${why}.`, {
      cause,
      identifiers: { key },
    });
  }
}
