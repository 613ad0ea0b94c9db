import type { HttpStream } from '../http/http-types.ts';
import {
  ImageHasNoData,
  ImageTruncated,
  OpenStackUnavailable,
  RangeNotSupported,
} from './errors.ts';
import { rangeNotRead } from './image-refusals.ts';
import { imagePath } from './image-shape.ts';
import type { RangeSupport } from './image.ts';
import type { CallOptions } from './open-stack.ts';
import { patience } from './patience.ts';
import type { Service } from './service.ts';

export interface ImageRange {
  imageId: string;
  offset: number;
  length: number;
}

const PROBE_BYTES = 4096;

/** However long a read takes, what moves on is not given up: only the number of cuts is limited. */
const untilCutOften = { ...patience, deadlineMs: Number.POSITIVE_INFINITY };

/**
 * Asks for a piece in the middle. Proof is a 206 whose Content-Range and whose number of bytes are those asked for: stores without
 * random access make Glance answer 400 or 200, and some answer 206 and send everything (Glance's release note for Range requests).
 */
export async function probeRange(
  glance: Service,
  imageId: string,
  sizeBytes: number,
  options: CallOptions,
): Promise<RangeSupport> {
  if (sizeBytes < 1) return { supported: false, reason: 'The image is empty.' };
  const offset = Math.floor(sizeBytes / 2);
  const length = Math.min(PROBE_BYTES, sizeBytes - offset);
  try {
    await readRange(glance, { imageId, offset, length }, options);
    return { supported: true };
  } catch (error) {
    if (error instanceof RangeNotSupported) return { supported: false, reason: error.message };
    throw error;
  }
}

/** Reads exactly the range; after a cut goes on where it was. */
export async function readRange(
  glance: Service,
  { imageId, offset, length }: ImageRange,
  { signal }: CallOptions,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  const what = `read image ${imageId} from ${String(offset)}`;
  const goOn = async () => {
    // What was cut had all bytes that were asked for, and only announced more.
    if (filled === length) return;
    const rest = { imageId, offset: offset + filled, length: length - filled };
    for await (const piece of await openRange(glance, rest, { signal })) {
      bytes.set(piece, filled);
      filled += piece.byteLength;
    }
    if (filled < length) throw new OpenStackUnavailable(`Could not ${what}: the answer was cut.`);
  };
  await glance.patiently(what, goOn, signal, untilCutOften);
  return bytes;
}

/** The bytes of a range as they come, never others or more; fewer when the connection is closed early. Opened once, not repeated. */
export async function openRange(
  glance: Service,
  range: ImageRange,
  { signal }: CallOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const { imageId, offset, length } = range;
  const last = offset + length - 1;
  const attempt = `read bytes ${String(offset)}-${String(last)} of image ${imageId}`;
  const stream = await glance.open({
    method: 'GET',
    path: `${imagePath(imageId)}/file`,
    headers: { Range: `bytes=${String(offset)}-${String(last)}` },
    attempt,
    refused: (refusal) => rangeNotRead(imageId, refusal),
    signal,
  });
  const wrong = notTheRange(stream, range);
  if (wrong !== undefined) {
    stream.discard();
    throw wrong;
  }
  const tooMuch = () =>
    new RangeNotSupported(
      `Glance was asked to ${attempt}, answered 206 and sends more than that.`,
      { identifiers: { imageId } },
    );
  return atMost(length, tooMuch, glance.body(stream, attempt));
}

/** The pieces, or an error as soon as they are more than `mostBytes`. */
export async function* atMost(
  mostBytes: number,
  tooMuch: () => Error,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const piece of pieces) {
    received += piece.byteLength;
    if (received > mostBytes) throw tooMuch();
    yield piece;
  }
}

function notTheRange(
  { status, headers }: HttpStream,
  { imageId, offset, length }: ImageRange,
): Error | undefined {
  const last = offset + length - 1;
  const asked = `bytes ${String(offset)}-${String(last)} of image ${imageId}`;
  const identifiers = { imageId };
  if (status === 204) return new ImageHasNoData(`Image ${imageId} has no data.`, { identifiers });
  if (status !== 206) {
    return new RangeNotSupported(`Glance answered ${String(status)} to ${asked}.`, { identifiers });
  }
  const sent = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '');
  if (Number(sent?.[1] ?? -1) === offset && Number(sent?.[2]) < last) {
    return new ImageTruncated(
      `Image ${imageId} ends at byte ${String(sent?.[2])}, and ${asked} were asked for.`,
      { identifiers },
    );
  }
  if (Number(sent?.[1] ?? -1) !== offset || Number(sent?.[2]) !== last) {
    return new RangeNotSupported(
      `Glance answered 206 to ${asked} with Content-Range "${headers['content-range'] ?? ''}".`,
      { identifiers },
    );
  }
  return undefined;
}
