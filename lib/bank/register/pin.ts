import * as z from 'zod';
import { RecordUnreadable } from './errors.ts';
import { PinId } from './ids.ts';
import { Execution, Lease, Pin } from './record.ts';
import type { Register } from './register.ts';
import type { Series } from './series.ts';

/** One generation of a reader's pin: a restore or a verification reads this checkpoint by this root now. */
export const ReaderPinRecord = z.strictObject({
  version: z.literal(0),
  id: PinId,
  /** HELD holds the checkpoint; FENCED holds nothing, and the reader that finds it so stops. */
  state: z.enum(['HELD', 'FENCED']),
  ...Pin.shape,
  execution: Execution,
  lease: Lease,
  writeId: z.string().min(1),
});
export type ReaderPinRecord = Readonly<z.infer<typeof ReaderPinRecord>>;

export function pinSeries({ store }: Register, id: string): Series<ReaderPinRecord> {
  return {
    store,
    prefix: `pins/${id}`,
    encode: (pin) => Buffer.from(`${JSON.stringify(pin)}\n`),
    decode: decodePin,
    // A renewal that comes after the release makes a pin that holds too much until its lease runs out, never too little.
    vanishes: true,
  };
}

function decodePin(bytes: Uint8Array, key: string): ReaderPinRecord {
  try {
    return ReaderPinRecord.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw new RecordUnreadable(`${key} in the register is no pin.`, {
      cause,
      identifiers: { key },
    });
  }
}
