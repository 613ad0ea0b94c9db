import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/openstack-lab/**', 'test/s3-lab/**', 'test/bundles/**'],
    testTimeout: 30_000,
  },
});
