import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Fault } from './answer.ts';

/** The object's bytes out of a request's body: unframes aws-chunked, checks Content-MD5 and CRC32, in the header or the trailer. */
export function payloadOf(request: IncomingMessage, body: Buffer): Buffer {
  const isFramed = request.headers['x-amz-content-sha256'] === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const { bytes, trailers } = isFramed ? unframe(body) : { bytes: body, trailers: '' };

  const md5 = request.headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(bytes).digest('base64')) {
    throw new S3Fault(400, 'BadDigest');
  }
  const checksum =
    request.headers['x-amz-checksum-crc32'] ?? /x-amz-checksum-crc32:(\S+)/.exec(trailers)?.[1];
  if (checksum !== undefined && checksum !== crc32Of(bytes)) throw new S3Fault(400, 'BadDigest');
  return bytes;
}

function crc32Of(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString('base64');
}

/** `<hex size>[;signature]\r\n<bytes>\r\n … 0\r\n<trailers>` */
function unframe(body: Buffer): { bytes: Buffer; trailers: string } {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new S3Fault(400, 'IncompleteBody');
    at = lineEnd + 2;
    if (size === 0) return { bytes: Buffer.concat(chunks), trailers: body.toString('latin1', at) };
    chunks.push(body.subarray(at, at + size));
    at += size + 2;
  }
}
