import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { type RetryPolicy, retry } from '../../retry.ts';
import type { CallOptions } from './object-store.ts';
import { codeOf, isPassing, s3Error } from './s3-errors.ts';

/** Where in S3, and how requests are repeated. */
export interface S3Place {
  client: S3Client;
  bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  prefix: string;
  location: string;
  clock: Clock;
  log: Log;
  retry: RetryPolicy;
  /** Most time for one attempt, body included. */
  attemptMilliseconds: number;
}

/** Bucket and full key, as the SDK's commands want them. */
export function objectOf(
  { bucket, prefix }: S3Place,
  key: string,
): { Bucket: string; Key: string } {
  return { Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` };
}

/** The key in the place, of an object of the bucket. */
export function keyIn({ prefix }: S3Place, bucketKey: string): string {
  return prefix === '' ? bucketKey : bucketKey.slice(prefix.length + 1);
}

/**
 * Sends a request until it succeeds, within the place's policy, each attempt with a deadline. `request` hands the signal to the SDK;
 * an error of ours that it throws ends the call at once.
 */
export async function callS3<T>(
  place: S3Place,
  attempted: string,
  options: CallOptions | undefined,
  request: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = options?.signal;
  const attempt = () => {
    const deadline = AbortSignal.timeout(place.attemptMilliseconds);
    return request(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  };
  try {
    return await retry(attempt, {
      policy: place.retry,
      clock: place.clock,
      signal,
      judge: (error) => ({ again: isPassing(error) }),
      onRetry: (error, waitMs) => {
        const fields = { location: place.location, code: codeOf(error), waitMs };
        place.log.debug(`${attempted} is tried again`, fields);
      },
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw s3Error(error, attempted, place.location);
  }
}
