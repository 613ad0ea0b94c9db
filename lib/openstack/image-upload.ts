import { Readable } from 'node:stream';
import { InvalidInput } from '../errors.ts';
import { notUploaded } from './image-refusals.ts';
import { imagePath } from './image-shape.ts';
import type { CallOptions } from './open-stack.ts';
import type { Service } from './service.ts';

/** From the last byte sent: Glance may still hand the data on to a slow store. */
const ANSWER_TIMEOUT_MS = 30 * 60_000;

/** Sends the data in one request. Neither resumed nor repeated: what Glance got of a failed one, it drops. */
export async function upload(
  glance: Service,
  imageId: string,
  body: AsyncIterable<Uint8Array>,
  { sizeBytes, signal }: CallOptions & { sizeBytes?: number },
): Promise<void> {
  const answer = await glance.open({
    method: 'PUT',
    path: `${imagePath(imageId)}/file`,
    headers: {
      'Content-Type': 'application/octet-stream',
      ...(sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) }),
    },
    body: sizeBytes === undefined ? body : exactly(sizeBytes, body),
    attempt: `take the data of image ${imageId}`,
    idempotent: false,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
    refused: (refusal) => notUploaded(imageId, refusal),
    signal,
  });
  answer.discard();
}

/** Lets a source close its files and connections when nobody reads on. */
export async function endSource(source: AsyncIterable<Uint8Array>): Promise<void> {
  if (source instanceof Readable) source.destroy();
  else await source[Symbol.asyncIterator]().return?.();
}

/** The announced number of bytes, or an error: more would spoil the connection, and fewer leave Glance waiting. */
async function* exactly(
  sizeBytes: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const piece of source) {
    sentBytes += piece.byteLength;
    if (sentBytes > sizeBytes) break;
    yield piece;
  }
  if (sentBytes === sizeBytes) return;
  throw new InvalidInput(
    `The data of the image is ${sentBytes > sizeBytes ? 'longer' : 'shorter'} than the ${String(sizeBytes)} bytes that were announced.`,
  );
}
