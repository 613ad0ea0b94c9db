import type { S3Client } from '@aws-sdk/client-s3';
import { type S3ClientOptions, s3Client } from '../../lib/bank/store/s3-client.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** A client of the lab for a world on a virtual clock, which cannot see that a server in another process is at work. */
export function heldClient(
  clock: () => VirtualClock | undefined,
  options?: S3ClientOptions,
): S3Client {
  const client = s3Client(options);
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = next(args);
      void clock()
        ?.hold(answer)
        .catch(() => undefined);
      return await answer;
    },
    { step: 'initialize', name: 'hold' },
  );
  return client;
}
