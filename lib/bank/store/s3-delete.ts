import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
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
  for (let at = 0; at < keys.length; at += KEYS_PER_REQUEST) {
    let left = keys.slice(at, at + KEYS_PER_REQUEST).map((key) => objectOf(place, key).Key);
    await callS3(place, `Deleting ${keys[at]} and others`, options, async (abortSignal) => {
      const { Errors = [] } = await place.client.send(
        new DeleteObjectsCommand({
          Bucket: place.bucket,
          Delete: { Objects: left.map((Key) => ({ Key })), Quiet: true },
        }),
        { abortSignal },
      );
      const failed = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
      const [first] = failed;
      if (first === undefined) return;
      left = failed.flatMap(({ Key }) => Key ?? []);
      throw Object.assign(new Error(`${failed.length} of them failed: ${first.Message ?? ''}`), {
        Code: first.Code,
        $metadata: { httpStatusCode: isServerFault(first.Code) ? 503 : 403 },
      });
    });
  }
}

/** The codes of single keys are those of whole answers; the status is missing. */
function isServerFault(code: string | undefined): boolean {
  return ['InternalError', 'SlowDown', 'ServiceUnavailable', 'OperationAborted'].includes(
    code ?? '',
  );
}
