import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import { isKey } from './arguments.ts';
import { StoreRefused } from './errors.ts';
import type { CallOptions, StoredObject, Upload } from './object-store.ts';
import { callS3, keyIn, objectOf, type S3Place } from './s3-calls.ts';
import { fromS3 } from './s3-errors.ts';

/** Objects by the bytes of their keys. Names that are no keys, another program's, are left out. */
export async function* listObjects(
  place: S3Place,
  prefix: string,
  options: CallOptions & { startAfter?: string },
): AsyncGenerator<StoredObject> {
  const { startAfter } = options;
  let page: ListObjectsV2CommandOutput | undefined;
  let last = '';
  do {
    const from =
      page === undefined
        ? startAfter && { StartAfter: objectOf(place, startAfter).Key }
        : { ContinuationToken: page.NextContinuationToken };
    page = await objectsPage(place, prefix, options, from || {});
    for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
      const key = keyIn(place, page.EncodingType === 'url' ? decoded(Key) : Key);
      if (!isKey(key)) continue;
      if (key <= last) throw outOfOrder(place, last, key);
      last = key;
      yield { key, sizeBytes: Size, modifiedAt: LastModified };
    }
  } while (page.IsTruncated === true);
}

function objectsPage(
  place: S3Place,
  prefix: string,
  options: CallOptions,
  from: { StartAfter?: string; ContinuationToken?: string | undefined },
): Promise<ListObjectsV2CommandOutput> {
  const { Bucket, Key: Prefix } = objectOf(place, prefix);
  // Unless they are encoded, one name with a control character, which XML cannot hold, would spoil every listing.
  const command = { Bucket, Prefix, EncodingType: 'url' as const, ...from };
  return callS3(place, `Listing ${prefix}`, options, async (abortSignal) => {
    const page = await place.client.send(new ListObjectsV2Command(command), { abortSignal });
    fromS3(page.IsTruncated);
    return page;
  });
}

/** Multipart uploads that were neither completed nor aborted. */
export async function* listUploads(
  place: S3Place,
  prefix: string,
  options: CallOptions | undefined,
): AsyncGenerator<Upload & { startedAt: Date }> {
  const { Bucket, Key: Prefix } = objectOf(place, prefix);
  let from = {};
  for (let more = true; more; ) {
    const command = { Bucket, Prefix, ...from };
    const attempted = `Listing uploads of ${prefix}`;
    const page = await callS3(place, attempted, options, async (abortSignal) => {
      const request = new ListMultipartUploadsCommand(command);
      const answer = await place.client.send(request, { abortSignal });
      fromS3(answer.IsTruncated);
      return answer;
    });
    for (const { Key = '', UploadId = '', Initiated = new Date(0) } of page.Uploads ?? []) {
      const key = keyIn(place, Key);
      if (isKey(key)) yield { key, uploadId: UploadId, startedAt: Initiated };
    }
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    more = page.IsTruncated === true;
  }
}

/** AWS encodes a space as `+`. A name that is not properly encoded is not ours. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

function outOfOrder(place: S3Place, last: string, key: string): StoreRefused {
  return new StoreRefused(
    `${place.location} listed ${key} after ${last}: it must list by the bytes of the keys, each once (an S3 directory bucket does not).`,
    { identifiers: { key } },
  );
}
