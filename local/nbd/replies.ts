import { ReplyFlag, SIMPLE_REPLY_MAGIC, STRUCTURED_REPLY_MAGIC } from './protocol.ts';

/** The client's own name of a request, given back as it came. */
export type Cookie = bigint;

export function simpleReply(cookie: Cookie, error: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  head.writeUInt32BE(error, 4);
  head.writeBigUInt64BE(cookie, 8);
  return head;
}

/** The head of a chunk of a reply; its payload follows. */
export function chunkHead(
  cookie: Cookie,
  type: number,
  payloadBytes: number,
  isLast: boolean,
): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0);
  head.writeUInt16BE(isLast ? ReplyFlag.DONE : 0, 4);
  head.writeUInt16BE(type, 6);
  head.writeBigUInt64BE(cookie, 8);
  head.writeUInt32BE(payloadBytes, 16);
  return head;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function uint32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, n) => bytes.writeUInt32BE(value, 4 * n));
  return bytes;
}

/** The payload of an error chunk, with the address where it happened if that is known. */
export function errorPayload(error: number, message: string, offset?: number): Buffer {
  const text = Buffer.from(message).subarray(0, 4000);
  const head = Buffer.alloc(6);
  head.writeUInt32BE(error, 0);
  head.writeUInt16BE(text.length, 4);
  return Buffer.concat([head, text, ...(offset === undefined ? [] : [uint64(offset)])]);
}
