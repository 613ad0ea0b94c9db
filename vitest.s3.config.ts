import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/s3-lab/**/*.test.ts'],
    globalSetup: ['test/s3-lab/environment.ts'],
    testTimeout: 60_000,
  },
});
