import { defineConfig } from 'vitest/config';

/**
 * Tests that need no server and take their time: killed processes, failing stores, lost, locked and copied banks, a week in the life of
 * one, hostile names.
 */
export const TRIALS = [
  'test/cli/hostile-names.test.ts',
  'test/cli/bank-lost-and-copied.test.ts',
  'test/interleavings/stores.test.ts',
  'test/interruption/**/*.test.ts',
  'test/lib/bank/store/s3-conformance-faults.test.ts',
  'test/machines/copied-bank.test.ts',
  'test/machines/lock.test.ts',
  'test/machines/refusing-store.test.ts',
  'test/machines/stores/**/*.test.ts',
  'test/machines/thirty-days.test.ts',
  'test/scale/**/*.test.ts',
  'test/secrets/**/*.test.ts',
];

export default defineConfig({
  test: { include: TRIALS, testTimeout: 120_000, maxWorkers: '100%' },
});
