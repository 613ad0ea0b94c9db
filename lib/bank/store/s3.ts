import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type Clock, systemClock } from '../../clock.ts';
import { InvalidInput } from '../../errors.ts';
import { type Log, silentLog } from '../../log.ts';
import type { RetryPolicy } from '../../retry.ts';
import {
  validateKey,
  validatePart,
  validatePartCount,
  validatePrefix,
  validateRange,
} from './arguments.ts';
import { WriteOutcomeUnknown } from './errors.ts';
import type { ObjectStore } from './object-store.ts';
import { callS3, objectOf, type S3Place } from './s3-calls.ts';
import { deleteObjects } from './s3-delete.ts';
import { codeOf, fromS3, isUncertain } from './s3-errors.ts';
import { listObjects, listUploads } from './s3-list.ts';
import { retentionFields, s3ObjectLock } from './s3-object-lock.ts';
import { readObject, sizeOf } from './s3-read.ts';
import { abortUpload, completeUpload, putPart, startUpload } from './s3-uploads.ts';

/** About 15 seconds of waiting on the average before a store counts as unavailable. */
const PATIENCE: RetryPolicy = {
  attempts: 8,
  firstWaitMs: 250,
  longestWaitMs: 20_000,
  deadlineMs: 30 * 60 * 1000,
};

/** Longest life of a presigned URL, a limit of its signature. A role's session ends it earlier. */
const MAX_PRESIGNED_SECONDS = 7 * 24 * 60 * 60;

export interface S3StoreOptions {
  /** Made by `s3Client`: the store repeats requests itself, so the client must not. */
  client: S3Client;
  bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  prefix?: string;
  clock?: Clock;
  /** Told of every request that is sent again. */
  log?: Log;
  retry?: RetryPolicy;
  /** Most time for one attempt, body included: 64 MiB need 110 KiB/s. */
  attemptMilliseconds?: number;
}

/**
 * A store in an S3 bucket: AWS or a server that speaks the same. Bodies are buffers, whose SHA-256 is part of the request's signature,
 * so that what arrives damaged is refused by the server and sent again. Of the conditions of S3 only one is used, `If-None-Match: *`
 * on PutObject, and only by `putIfAbsent`.
 */
export function s3Store(options: S3StoreOptions): ObjectStore {
  const { client, bucket, prefix = '', clock = systemClock, log = silentLog } = options;
  const place: S3Place = {
    client,
    bucket,
    prefix,
    location: prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`,
    clock,
    log,
    retry: options.retry ?? PATIENCE,
    attemptMilliseconds: options.attemptMilliseconds ?? 10 * 60 * 1000,
  };

  return {
    location: place.location,
    objectLock: s3ObjectLock(place),

    async put(key, body, options) {
      validateKey(key);
      const command = {
        ...objectOf(place, key),
        Body: body,
        ...retentionFields(options?.retention),
      };
      await callS3(place, `Writing ${key}`, options, async (abortSignal) => {
        fromS3((await client.send(new PutObjectCommand(command), { abortSignal })).ETag);
      });
    },

    async putIfAbsent(key, body, options) {
      validateKey(key);
      return callS3(place, `Creating ${key}`, options, (abortSignal) =>
        createObject(place, key, body, abortSignal),
      );
    },

    async get(key, options) {
      validateKey(key);
      if (options?.range !== undefined) validateRange(options.range);
      return readObject(place, key, options);
    },

    async size(key, options) {
      validateKey(key);
      return sizeOf(place, key, options);
    },

    async *list(prefix, options = {}) {
      validatePrefix(prefix);
      yield* listObjects(place, prefix, options);
    },

    async delete(keys, options) {
      for (const key of keys) validateKey(key);
      await deleteObjects(place, keys, options);
    },

    async startUpload(key, options) {
      validateKey(key);
      return startUpload(place, key, options);
    },

    async putPart(upload, part, body, options) {
      validateKey(upload.key);
      validatePart(part, body);
      await putPart(place, upload, part, body, options);
    },

    async completeUpload(upload, partCount, options) {
      validateKey(upload.key);
      validatePartCount(partCount);
      await completeUpload(place, upload, partCount, options);
    },

    async abortUpload(upload, options) {
      validateKey(upload.key);
      await abortUpload(place, upload, options);
    },

    async *listUploads(prefix, options) {
      validatePrefix(prefix);
      yield* listUploads(place, prefix, options);
    },

    async presign(key, expiresInSeconds) {
      validateKey(key);
      return presign(place, key, expiresInSeconds);
    },
  };
}

/**
 * Repeated only after answers by which nothing was written. A repetition after a lost answer could meet our own object and take the
 * write for another's.
 */
async function createObject(
  place: S3Place,
  key: string,
  body: Uint8Array,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const command = { ...objectOf(place, key), Body: body, IfNoneMatch: '*' };
  try {
    fromS3((await place.client.send(new PutObjectCommand(command), { abortSignal })).ETag);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'PreconditionFailed') return false;
    if (!isUncertain(error)) throw error;
    throw new WriteOutcomeUnknown(
      `Whether ${key} was created in ${place.location} is not known: the answer was ${code}.`,
      { identifiers: { key, code } },
    );
  }
}

async function presign(place: S3Place, key: string, expiresInSeconds: number): Promise<string> {
  if (
    !Number.isInteger(expiresInSeconds) ||
    expiresInSeconds < 1 ||
    expiresInSeconds > MAX_PRESIGNED_SECONDS
  ) {
    throw new InvalidInput(
      `A presigned URL can live from 1 to ${MAX_PRESIGNED_SECONDS} seconds, not ${expiresInSeconds}.`,
    );
  }
  return callS3(place, `Presigning ${key}`, undefined, () =>
    getSignedUrl(place.client, new GetObjectCommand(objectOf(place, key)), {
      expiresIn: expiresInSeconds,
      // The server's clock, as far as the SDK has seen it.
      signingDate: new Date(Date.now() + place.client.config.systemClockOffset),
    }),
  );
}
