import { createHash, getHashes } from 'node:crypto';
import type { Hash } from 'node:crypto';
import {
  ChecksumMismatch,
  ImageHasNoData,
  ImageTruncated,
  OpenStackUnavailable,
  UnexpectedAnswer,
} from './errors.ts';
import { atMost, openRange, probeRange } from './image-range.ts';
import { notRead } from './image-refusals.ts';
import { imagePath } from './image-shape.ts';
import type { Image, ImageDownload } from './image.ts';
import type { CallOptions, Images } from './open-stack.ts';
import { patience } from './patience.ts';
import type { Service } from './service.ts';

export interface DownloadParts extends CallOptions {
  glance: Service;
  images: Pick<Images, 'show'>;
  imageId: string;
  checkHash?: boolean;
}

/** One pass over an image's bytes. */
export function download(parts: DownloadParts): ImageDownload {
  const { imageId, images, signal } = parts;
  const outcome: { sourceHash: ImageDownload['sourceHash'] } = { sourceHash: 'unchecked' };
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const image = await images.show(imageId, { signal });
    const hash = parts.checkHash === true ? hashOf(image) : undefined;
    for await (const piece of wholeImage(parts, image)) {
      hash?.update(piece);
      yield piece;
    }
    if (hash === undefined) return;
    // Glance may have computed its hash while the image was read.
    const wanted = image.osHashValue ?? (await images.show(imageId, { signal })).osHashValue;
    if (wanted === null) return;
    const found = hash.digest('hex');
    if (found !== wanted.toLowerCase()) {
      throw new ChecksumMismatch(
        `The bytes read of image ${imageId} have ${String(image.osHashAlgo)} ${found}, and Glance says ${wanted}.`,
        { identifiers: { imageId } },
      );
    }
    outcome.sourceHash = 'matched';
  }
  return {
    get sourceHash() {
      return outcome.sourceHash;
    },
    [Symbol.asyncIterator]: bytes,
  };
}

/** All bytes in order, as many as the image has; after a cut the rest is read as a range, where ranges are proven. */
async function* wholeImage(parts: DownloadParts, image: Image): AsyncGenerator<Uint8Array> {
  const { glance, imageId, signal } = parts;
  const sizeBytes = image.sizeBytes ?? Number.POSITIVE_INFINITY;
  let doneBytes = 0;
  let fruitless = 0;
  let resumable = false;
  for (;;) {
    const offset = doneBytes;
    const open = () =>
      offset === 0
        ? openWhole(parts, sizeBytes)
        : openRange(glance, { imageId, offset, length: sizeBytes - offset }, { signal });
    const pieces = await glance.patiently(`read image ${imageId}`, open, signal);
    let cut: unknown;
    try {
      for await (const piece of pieces) {
        doneBytes += piece.byteLength;
        yield piece;
      }
    } catch (error) {
      if (!(error instanceof OpenStackUnavailable)) throw error;
      cut = error;
    }
    if (doneBytes === sizeBytes || (cut === undefined && image.sizeBytes === null)) return;
    fruitless = doneBytes > offset ? 0 : fruitless + 1;
    if (fruitless === patience.attempts) throw truncated(image, doneBytes, 'again and again', cut);
    if (doneBytes > 0 && !resumable) {
      const support =
        image.sizeBytes === null
          ? { supported: false as const, reason: 'Its size is not known.' }
          : await probeRange(glance, imageId, image.sizeBytes, { signal });
      if (!support.supported) throw truncated(image, doneBytes, support.reason, cut);
      resumable = true;
    }
  }
}

async function openWhole(
  { glance, imageId, signal }: DownloadParts,
  sizeBytes: number,
): Promise<AsyncIterable<Uint8Array>> {
  const attempt = `read image ${imageId}`;
  const stream = await glance.open({
    method: 'GET',
    path: `${imagePath(imageId)}/file`,
    attempt,
    refused: (refusal) => notRead(imageId, refusal),
    signal,
  });
  if (stream.status !== 200) {
    stream.discard();
    throw new ImageHasNoData(
      `Glance answered ${String(stream.status)} to the reading of image ${imageId}: it has no data.`,
      { identifiers: { imageId } },
    );
  }
  const tooMuch = () =>
    new UnexpectedAnswer(
      `Glance sends more than the ${String(sizeBytes)} bytes that image ${imageId} has.`,
    );
  return atMost(sizeBytes, tooMuch, glance.body(stream, attempt));
}

function truncated(image: Image, doneBytes: number, why: string, cause: unknown): ImageTruncated {
  return new ImageTruncated(
    `The data of image ${image.id} ended after ${String(doneBytes)} of ${String(image.sizeBytes)} bytes, and could not be continued: ${why}`,
    { identifiers: { imageId: image.id }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Glance names hashes as Python does. */
function hashOf(image: Image): Hash | undefined {
  const name = image.osHashAlgo?.replace('blake2b', 'blake2b512').replace('sha3_', 'sha3-');
  return name !== undefined && getHashes().includes(name) ? createHash(name) : undefined;
}
