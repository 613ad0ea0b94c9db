import { defineConfig } from 'vitest/config';

/** Tests of the functions as they are deployed: bundled, away from the project's packages. */
export default defineConfig({
  test: {
    include: ['test/bundles/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
