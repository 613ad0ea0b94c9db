import { DeleteObjectsCommand, type ObjectIdentifier } from '@aws-sdk/client-s3';
import type { CallOptions } from './object-store.ts';
import { callS3, objectOf, type S3Place } from './s3-calls.ts';

/** Most keys of one DeleteObjects. */
const KEYS_PER_REQUEST = 1000;

/** Deletes the objects. Those that fail inside a successful answer are tried again, or reported. */
export async function deleteObjects(
  place: S3Place,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<void> {
  await deleteEach(
    place,
    keys.map((key) => ({ Key: objectOf(place, key).Key })),
    options,
    () => false,
  );
}

/**
 * Deletes objects, or single versions of them, and returns those whose refusal `isExpected` by its code; any other one is tried again
 * or thrown.
 */
export async function deleteEach(
  place: S3Place,
  objects: readonly ObjectIdentifier[],
  options: CallOptions | undefined,
  isExpected: (code: string | undefined) => boolean,
): Promise<ObjectIdentifier[]> {
  const refused: ObjectIdentifier[] = [];
  for (let at = 0; at < objects.length; at += KEYS_PER_REQUEST) {
    let left: ObjectIdentifier[] = objects.slice(at, at + KEYS_PER_REQUEST);
    await callS3(place, `Deleting ${left[0]?.Key} and others`, options, async (abortSignal) => {
      const { Errors = [] } = await place.client.send(
        new DeleteObjectsCommand({
          Bucket: place.bucket,
          Delete: { Objects: left, Quiet: true },
        }),
        { abortSignal },
      );
      const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey' && Code !== 'NoSuchVersion');
      for (const { Key, VersionId } of failed.filter(({ Code }) => isExpected(Code))) {
        refused.push({ Key, VersionId });
      }
      const faults = failed.filter(({ Code }) => !isExpected(Code));
      const [first] = faults;
      if (first === undefined) return;
      left = faults.map(({ Key, VersionId }) => ({ Key, VersionId }));
      throw Object.assign(new Error(`${faults.length} of them failed: ${first.Message ?? ''}`), {
        Code: first.Code,
        $metadata: { httpStatusCode: isServerFault(first.Code) ? 503 : 403 },
      });
    });
  }
  return refused;
}

/** The codes of single keys are those of whole answers; the status is missing. */
function isServerFault(code: string | undefined): boolean {
  return ['InternalError', 'SlowDown', 'ServiceUnavailable', 'OperationAborted'].includes(
    code ?? '',
  );
}
