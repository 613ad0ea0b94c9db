import type { BankPlaces } from '../../../lib/bank/places.ts';
import type { WorkingClock } from '../../working-clock.ts';

/** The three places of a bank on one kind of store, with faults that can be switched on and off. */
export interface FaultyPlaces {
  open(clock: WorkingClock): BankPlaces;
  /** From now on calls fail as the seed has it. */
  arm(): void;
  /** From now on none fails. */
  calm(): void;
  readonly injected: number;
  /** What no run may leave in the store, beside objects: uploads, temporary files. */
  leftovers(): Promise<string[]>;
  /** Removes all of it. */
  close(): Promise<void>;
}

/** Shares of calls that fail, one for each seed. */
const RATES = [0.01, 0.03, 0.1, 0.25];

export function rateOf(seed: number): number {
  return RATES[seed % RATES.length] ?? 0;
}
