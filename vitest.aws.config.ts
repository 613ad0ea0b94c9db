import { defineConfig } from 'vitest/config';

/** Tests in an AWS account: opt in, see docs/aws.md. */
export default defineConfig({
  test: {
    include: ['test/aws/**/*.aws.ts'],
    globalSetup: ['test/aws/account.ts'],
    testTimeout: 30 * 60_000,
    hookTimeout: 30 * 60_000,
    fileParallelism: false,
  },
});
