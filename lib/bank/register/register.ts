import { type KeyObject, randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../../clock.ts';
import { type Log, silentLog } from '../../log.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { isProcessGone } from './process.ts';
import type { ExecutionProcess } from './record.ts';

/** The register of a bank, and what its protocol needs beside: time, chance, and a look at this machine's processes. */
export interface Register {
  /** The place; see `BankPlaces.register`. */
  readonly store: ObjectStore;
  /** `BankKeys.nameKey`: ids are derived with it, and show nothing of what they stand for. */
  readonly nameKey: KeyObject;
  readonly clock: Clock;
  readonly log: Log;
  /** Hex digits of so many random bytes. */
  readonly randomHex: (bytes: number) => string;
  /** This process, where it runs an embedded execution: noted in what it renews, for a resumed execution has another one than before. */
  readonly process?: ExecutionProcess;
  /** True only when the process is known to have ended. */
  readonly isProcessGone: (process: ExecutionProcess) => Promise<boolean>;
}

/** A register with the system's clock, chance and processes, as far as they are not given. */
export function registerOn(
  parts: Pick<Register, 'store' | 'nameKey'> & Partial<Register>,
): Register {
  return {
    clock: systemClock,
    log: silentLog,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    isProcessGone,
    ...parts,
  };
}
