import { defineConfig } from 'vitest/config';

/** Tests that need no server and take their time: killed processes, failing stores, a week in the life of a bank, hostile names. */
export const TRIALS = [
  'test/cli/hostile-names.test.ts',
  'test/interleavings/stores.test.ts',
  'test/interruption/**/*.test.ts',
  'test/machines/stores/**/*.test.ts',
  'test/machines/thirty-days.test.ts',
  'test/scale/**/*.test.ts',
  'test/secrets/**/*.test.ts',
];

export default defineConfig({
  test: { include: TRIALS, testTimeout: 120_000, maxWorkers: '100%' },
});
