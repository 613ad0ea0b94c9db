import { createReadStream } from 'node:fs';
import type { Clock } from '../../../lib/clock.ts';
import type { RequestFault } from '../faults.ts';
import type { Answer } from './call.ts';

/** The body of an answer, in pieces, with its true length. */
export interface Body {
  length: number;
  pieces: AsyncIterable<Uint8Array>;
}

const fileReadBytes = 512 * 1024;

export function bodyOf(answer: Answer): Body {
  if (answer.file !== undefined) {
    const { path, start, end } = answer.file;
    if (end <= start) return { length: 0, pieces: emit(Buffer.alloc(0)) };
    const stream = createReadStream(path, { start, end: end - 1, highWaterMark: fileReadBytes });
    return { length: end - start, pieces: stream as AsyncIterable<Buffer> };
  }
  const text = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  const bytes = Buffer.from(text, 'utf8');
  return { length: bytes.length, pieces: emit(bytes) };
}

async function* emit(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** What a fault makes of the body. */
export async function* spoiled(
  { pieces, length }: Body,
  fault: RequestFault | undefined,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (fault?.kind === 'cut' || fault?.kind === 'stall') yield* upTo(pieces, fault.afterBytes);
  else if (fault?.kind === 'content-length') yield* upTo(pieces, length + fault.differBy);
  else if (fault?.kind === 'flip') yield* flipped(pieces, fault.atByte);
  else if (fault?.kind === 'slow') yield* slowed(pieces, fault.bytesPerSecond, clock, signal);
  else yield* pieces;
}

async function* upTo(pieces: AsyncIterable<Uint8Array>, most: number): AsyncIterable<Uint8Array> {
  let left = most;
  for await (const piece of pieces) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

async function* flipped(pieces: AsyncIterable<Uint8Array>, at: number): AsyncIterable<Uint8Array> {
  let offset = 0;
  for await (const piece of pieces) {
    const index = at - offset;
    const byte = piece[index];
    if (byte !== undefined) piece[index] = byte ^ 0xff;
    offset += piece.length;
    yield piece;
  }
}

async function* slowed(
  pieces: AsyncIterable<Uint8Array>,
  bytesPerSecond: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const perTick = Math.max(1, Math.floor(bytesPerSecond / 10));
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += perTick) {
      await clock.sleep(100, signal);
      yield piece.subarray(start, start + perTick);
    }
  }
}
