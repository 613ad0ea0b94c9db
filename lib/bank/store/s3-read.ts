import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { ObjectNotFound, RangeOutsideObject, StoreRefused } from './errors.ts';
import type { ByteRange, CallOptions } from './object-store.ts';
import { callS3, objectOf, type S3Place } from './s3-calls.ts';
import { codeOf, fromS3, lostConnection } from './s3-errors.ts';

/** Reads an object, or exactly the range of it. An attempt after a cut goes on behind the last byte that came. */
export async function readObject(
  place: S3Place,
  key: string,
  options: (CallOptions & { range?: ByteRange }) | undefined,
): Promise<Uint8Array> {
  const range = options?.range;
  let arrived: Arrived | undefined;
  return callS3(place, `Reading ${key}`, options, async (abortSignal) => {
    const start = (range?.offset ?? 0) + (arrived?.length ?? 0);
    const end = range === undefined ? undefined : range.offset + range.length;
    const response = await request(place, key, start, end, abortSignal);
    try {
      const length = checkedLength(place, key, start, end, response);
      if (arrived === undefined || arrived.etag !== response.ETag) {
        if (start !== (range?.offset ?? 0)) {
          arrived = undefined;
          throw lostConnection(`${key} was replaced while it was read`);
        }
        // Not from the pool, which a small object that is kept would hold as a whole.
        arrived = { bytes: Buffer.allocUnsafeSlow(length), length: 0, etag: response.ETag };
      }
      await receive(response, arrived);
      return arrived.bytes;
    } finally {
      if (response.Body instanceof Readable) response.Body.destroy();
    }
  });
}

/**
 * Size of the object; undefined where there is none. Asks for one byte, because an answer to HEAD has no body and so cannot tell
 * a missing bucket from a missing object.
 */
export async function sizeOf(
  place: S3Place,
  key: string,
  options: CallOptions | undefined,
): Promise<number | undefined> {
  return callS3(place, `Looking up ${key}`, options, async (abortSignal) => {
    try {
      const response = await request(place, key, 0, 1, abortSignal);
      await response.Body?.transformToByteArray();
      return totalOf(response);
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined;
      if (error instanceof RangeOutsideObject) return 0;
      throw error;
    }
  });
}

interface Arrived {
  bytes: Buffer;
  length: number;
  etag: string | undefined;
}

/** Bytes from `start` to before `end`, or to the object's end. */
async function request(
  place: S3Place,
  key: string,
  start: number,
  end: number | undefined,
  abortSignal: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const isWhole = start === 0 && end === undefined;
  const range = isWhole ? {} : { Range: `bytes=${start}-${end === undefined ? '' : end - 1}` };
  try {
    const command = new GetObjectCommand({ ...objectOf(place, key), ...range });
    const response = await place.client.send(command, { abortSignal });
    fromS3(response.ETag);
    return response;
  } catch (error) {
    if (codeOf(error) === 'NoSuchKey') {
      throw new ObjectNotFound(`No object ${key} in ${place.location}.`, { identifiers: { key } });
    }
    if (codeOf(error) === 'InvalidRange') throw tooShort(place, key, start, end);
    throw error;
  }
}

/** How many bytes the answer will bring, once it is sure that they are those asked for. */
function checkedLength(
  place: S3Place,
  key: string,
  start: number,
  end: number | undefined,
  response: GetObjectCommandOutput,
): number {
  const total = totalOf(response);
  const stop = end ?? total;
  if (total !== undefined && stop !== undefined && stop > total) {
    throw tooShort(place, key, start, end);
  }
  if (
    stop === undefined ||
    response.ContentLength !== stop - start ||
    startOf(response) !== start
  ) {
    throw new StoreRefused(
      `Reading ${key}: ${place.location} answered bytes ${start} to ${end ?? 'the end'} with ${response.ContentRange ?? 'the whole object'}; it must support ranges.`,
      { identifiers: { key } },
    );
  }
  return stop - start;
}

function startOf({ ContentRange }: GetObjectCommandOutput): number {
  return ContentRange === undefined ? 0 : Number(/^bytes (\d+)-/.exec(ContentRange)?.[1]);
}

function totalOf({ ContentRange, ContentLength }: GetObjectCommandOutput): number | undefined {
  const total = ContentRange === undefined ? ContentLength : ContentRange.split('/')[1];
  return total === undefined || Number.isNaN(Number(total)) ? undefined : Number(total);
}

async function receive({ Body }: GetObjectCommandOutput, arrived: Arrived): Promise<void> {
  if (!(Body instanceof Readable)) throw lostConnection('The answer had no body');
  for await (const chunk of Body as AsyncIterable<Buffer>) {
    arrived.length += chunk.copy(arrived.bytes, arrived.length);
  }
  if (arrived.length < arrived.bytes.length) throw lostConnection('The answer was cut');
}

function tooShort(place: S3Place, key: string, start: number, end: number | undefined) {
  return new RangeOutsideObject(
    `${key} in ${place.location} is shorter than the bytes ${start} to ${end ?? 'the end'} that were to be read.`,
    { identifiers: { key } },
  );
}
