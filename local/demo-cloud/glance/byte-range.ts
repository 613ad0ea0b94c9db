import { Refusal } from '../http/refusal.ts';

/** Bytes `[start, end)`. */
export interface ByteSpan {
  start: number;
  end: number;
}

/**
 * What a Range header means to Glance. Unlike RFC 9110 has it, a header that cannot be understood is refused with 416, and several
 * ranges with 400; an end beyond the image is cut to its size.
 */
export function spanOf(range: string, sizeBytes: number): ByteSpan {
  if (/^bytes=.*,/.test(range)) {
    throw new Refusal(
      400,
      'Requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.',
    );
  }
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === '' && last === '') throw notSatisfiable('Invalid Range header.');
  if (first === '') return { start: Math.max(sizeBytes - Number(last), 0), end: sizeBytes };
  if (last !== '' && Number(last) < Number(first)) throw notSatisfiable('Invalid Range header.');
  return checked(Number(first), last === '' ? sizeBytes : Number(last) + 1, sizeBytes);
}

/** A Content-Range header in a request means the same to Glance, for the sake of old clients. */
export function spanOfContentRange(range: string, sizeBytes: number): ByteSpan {
  const [, first, last] = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/.exec(range) ?? [];
  if (first === undefined) throw notSatisfiable('Invalid Content-Range header.');
  return checked(Number(first), Number(last) + 1, sizeBytes);
}

function checked(start: number, end: number, sizeBytes: number): ByteSpan {
  if (start < sizeBytes) return { start, end: Math.min(end, sizeBytes) };
  throw notSatisfiable(
    `Invalid start position in Range header. Start position MUST be in the inclusive range [0, ${sizeBytes - 1}].`,
  );
}

const notSatisfiable = (detail: string): Refusal =>
  new Refusal(416, 'The Range requested is not available.', { detail });
