import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Adds Content-MD5 to DeleteObjects, which servers of the S3 of before 2025 demand; the SDK sends only the newer checksums
 * (aws-sdk-js-v3 issue 6819).
 */
export function sendContentMd5(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const { request } = args as {
          request: { body?: unknown; headers: Record<string, string> };
        };
        const { body } = request;
        if (commandName === 'DeleteObjectsCommand' && typeof body === 'string') {
          request.headers['content-md5'] = createHash('md5').update(body).digest('base64');
        }
        return next(args);
      },
    { step: 'build', name: 'sendContentMd5' },
  );
  return client;
}
