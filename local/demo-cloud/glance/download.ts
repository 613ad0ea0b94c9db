import { type Answer, type Call, header } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState } from '../state.ts';
import { spanOf, spanOfContentRange } from './byte-range.ts';
import { findImage } from './find-image.ts';

/** `GET /v2/images/{image}/file`, whole or a range, as the image's store can. */
export function downloadImage(state: CloudState, call: Call): Answer {
  const image = findImage(state, call);
  const range = header(call, 'range');
  const contentRange = header(call, 'content-range');
  if (image.status !== 'active' || image.sizeBytes === null) {
    // Glance compares the range with a size that is None.
    if (range !== undefined) return { status: 500, headers: { 'Content-Type': 'text/plain' } };
    return { status: 204 };
  }
  const { sizeBytes, path } = image;
  const hashIsKnown = (image.hashFrom ?? 0) <= state.clock.now();
  const headers = {
    'Content-Type': 'application/octet-stream',
    ...(image.checksum !== null && hashIsKnown ? { 'Content-Md5': image.checksum } : {}),
  };
  if (range === undefined && contentRange === undefined) {
    return { status: 200, headers, file: { path, start: 0, end: sizeBytes } };
  }
  const span =
    range === undefined
      ? spanOfContentRange(contentRange ?? '', sizeBytes)
      : spanOf(range, sizeBytes);
  if (state.settings.images.range === 'refuse-400') {
    const message =
      'Getting images randomly from this store is not supported. Offset: %d, length: %d';
    const length = String(span.end - span.start);
    throw new Refusal(400, message.replace('%d', String(span.start)).replace('%d', length));
  }
  const whole = state.settings.images.range === 'whole-206';
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': `bytes ${span.start}-${span.end - 1}/${sizeBytes}` },
    file: whole ? { path, start: 0, end: sizeBytes } : { path, ...span },
  };
}
