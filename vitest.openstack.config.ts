import { defineConfig } from 'vitest/config';

/** Tests on a real OpenStack: slow, one after the other, and never retried. */
export default defineConfig({
  test: {
    include: ['test/openstack-lab/**/*.test.ts'],
    globalSetup: ['test/openstack-lab/check-lab.ts'],
    testTimeout: 10 * 60_000,
    hookTimeout: 10 * 60_000,
    fileParallelism: false,
    maxWorkers: 1,
    reporters: ['verbose'],
  },
});
