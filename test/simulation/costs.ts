import type { Tally } from './tally.ts';

/** US dollars, list prices of us-east-1 without any free tier, November 2026; other regions differ by some per cent. */
const PRICES = {
  transition: 0.025 / 1000,
  lambdaGigabyteSecondArm: 0.0000133334,
  lambdaCall: 0.2 / 1_000_000,
  s3Put: 0.005 / 1000,
  s3Get: 0.0004 / 1000,
  s3GibMonth: 0.023,
  logsGib: 0.5,
} as const;

/** What the log of an execution takes for an event, without its data. */
const LOGGED_BYTES_PER_EVENT = 600;
const GIB = 1024 ** 3;

export interface Costs {
  transitions: number;
  lambda: number;
  requests: number;
  logs: number;
  /** Of what the run stored. */
  storageMonth: number;
}

export function costsOf(tally: Tally, storedBytes: number): Costs {
  const { puts, gets } = tally.requestsToS3;
  return {
    transitions: tally.transitions * PRICES.transition,
    lambda:
      tally.gigabyteSeconds * PRICES.lambdaGigabyteSecondArm +
      tally.functionCalls * PRICES.lambdaCall,
    requests: puts * PRICES.s3Put + gets * PRICES.s3Get,
    logs: ((tally.events * LOGGED_BYTES_PER_EVENT) / GIB) * PRICES.logsGib,
    storageMonth: (storedBytes / GIB) * PRICES.s3GibMonth,
  };
}
