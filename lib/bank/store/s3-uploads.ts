import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type Part as S3Part,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { UploadIncomplete, UploadNotFound } from './errors.ts';
import type { CallOptions, Part, Upload } from './object-store.ts';
import { callS3, objectOf, type S3Place } from './s3-calls.ts';
import { codeOf, fromS3 } from './s3-errors.ts';

/** A lost answer leaves an upload that nobody knows; `listUploads` finds it. */
export function startUpload(
  place: S3Place,
  key: string,
  options: CallOptions | undefined,
): Promise<string> {
  return callS3(place, `Starting an upload of ${key}`, options, async (abortSignal) => {
    const command = { ...objectOf(place, key), ...(await checksumOf(place)) };
    const { UploadId } = await place.client.send(new CreateMultipartUploadCommand(command), {
      abortSignal,
    });
    return fromS3(UploadId);
  });
}

export function putPart(
  place: S3Place,
  upload: Upload,
  part: Part,
  body: Uint8Array,
  options: CallOptions | undefined,
): Promise<void> {
  const attempted = `Writing part ${part.number} of ${upload.key}`;
  return callS3(place, attempted, options, async (abortSignal) => {
    const command = { ...uploadOf(place, upload), PartNumber: part.number, Body: body };
    try {
      const { ETag } = await place.client.send(new UploadPartCommand(command), { abortSignal });
      fromS3(ETag);
    } catch (error) {
      throw isGone(error) ? notFound(place, upload) : error;
    }
  });
}

export async function completeUpload(
  place: S3Place,
  upload: Upload,
  partCount: number,
  options: CallOptions | undefined,
): Promise<void> {
  const parts = await listParts(place, upload, options);
  if (parts !== undefined) {
    checkParts(upload, parts, partCount);
    if (await join(place, upload, parts, options)) return;
  }
  if (!(await wasCompleted(place, upload, partCount, options))) throw notFound(place, upload);
}

export function abortUpload(
  place: S3Place,
  upload: Upload,
  options: CallOptions | undefined,
): Promise<void> {
  return callS3(place, `Aborting the upload of ${upload.key}`, options, async (abortSignal) => {
    try {
      await place.client.send(new AbortMultipartUploadCommand(uploadOf(place, upload)), {
        abortSignal,
      });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  });
}

/**
 * Where the SDK adds a CRC32 to every part, as it does for AWS, the upload must be started with it: else AWS cannot complete it
 * (aws-sdk-go-v2 issue 3005). `listParts` then gives the parts' checksums, and `join` passes them on.
 */
async function checksumOf({ client }: S3Place) {
  const calculation = await client.config.requestChecksumCalculation();
  return calculation === 'WHEN_SUPPORTED' ? { ChecksumAlgorithm: 'CRC32' as const } : {};
}

/** The parts that arrived, in their order; undefined when the upload is gone. */
async function listParts(
  place: S3Place,
  upload: Upload,
  options: CallOptions | undefined,
): Promise<S3Part[] | undefined> {
  const parts: S3Part[] = [];
  let page: ListPartsCommandOutput | undefined;
  do {
    const command = { ...uploadOf(place, upload), PartNumberMarker: page?.NextPartNumberMarker };
    const attempted = `Listing the parts of ${upload.key}`;
    page = await callS3(place, attempted, options, async (abortSignal) => {
      try {
        const answer = await place.client.send(new ListPartsCommand(command), { abortSignal });
        fromS3(answer.IsTruncated);
        return answer;
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    });
    if (page === undefined) return undefined;
    parts.push(...(page.Parts ?? []));
  } while (page.IsTruncated === true);
  return parts;
}

function checkParts({ key }: Upload, parts: readonly S3Part[], partCount: number): void {
  // AWS would leave out parts that are not named; Ceph's gateway answers InvalidPart.
  if (parts.length > partCount) {
    throw new UploadIncomplete(
      `The upload of ${key} has ${parts.length} parts; it was to be completed with ${partCount}.`,
      { identifiers: { key, partCount } },
    );
  }
  for (let number = 1; number <= partCount; number++) {
    const part = parts[number - 1];
    const isOdd = number < partCount && part?.Size !== parts[0]?.Size;
    if (part?.PartNumber !== number || isOdd) {
      throw new UploadIncomplete(
        `Part ${number} of ${partCount} of the upload of ${key} is missing, or not as long as the others.`,
        { identifiers: { key, part: number } },
      );
    }
  }
}

/** False when the upload is gone: aborted, or completed by an attempt whose answer was lost. */
function join(
  place: S3Place,
  upload: Upload,
  parts: S3Part[],
  options: CallOptions | undefined,
): Promise<boolean> {
  return callS3(place, `Completing the upload of ${upload.key}`, options, async (abortSignal) => {
    const command = { ...uploadOf(place, upload), MultipartUpload: { Parts: parts } };
    try {
      const request = new CompleteMultipartUploadCommand(command);
      const { ETag } = await place.client.send(request, { abortSignal });
      fromS3(ETag);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  });
}

/** An object joined from n parts has an ETag that ends with -n. */
function wasCompleted(
  place: S3Place,
  { key }: Upload,
  partCount: number,
  options: CallOptions | undefined,
): Promise<boolean> {
  return callS3(place, `Looking up ${key}`, options, async (abortSignal) => {
    try {
      const command = new HeadObjectCommand(objectOf(place, key));
      const { ETag } = await place.client.send(command, { abortSignal });
      return fromS3(ETag).replaceAll('"', '').endsWith(`-${partCount}`);
    } catch (error) {
      if (['NotFound', 'NoSuchKey'].includes(codeOf(error))) return false;
      throw error;
    }
  });
}

function uploadOf(place: S3Place, { key, uploadId }: Upload) {
  return { ...objectOf(place, key), UploadId: uploadId };
}

/** Ceph's gateway says NoSuchKey when it lists the parts of an upload that is gone. */
function isGone(error: unknown): boolean {
  return ['NoSuchUpload', 'NoSuchKey'].includes(codeOf(error));
}

function notFound({ location }: S3Place, { key, uploadId }: Upload): UploadNotFound {
  return new UploadNotFound(
    `No upload ${uploadId} of ${key} in ${location}: it was aborted or never started.`,
    { identifiers: { key, uploadId } },
  );
}
