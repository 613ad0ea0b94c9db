import { defineConfig } from 'vitest/config';
import { TRIALS } from './vitest.trials.config.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/openstack-lab/**', 'test/s3-lab/**', 'test/bundles/**', ...TRIALS],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // By default one processor is left to the watcher of files.
    maxWorkers: '100%',
  },
});
