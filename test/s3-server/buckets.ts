import { createHash } from 'node:crypto';
import { S3Fault } from './answer.ts';

export interface BucketObject {
  bytes: Buffer;
  etag: string;
  modifiedAt: Date;
}

export interface BucketUpload {
  id: string;
  key: string;
  startedAt: Date;
  /** Whether its parts carry CRC32, which must then be named to complete it, as AWS demands. */
  hasChecksums: boolean;
  parts: Map<number, { bytes: Buffer; etag: string }>;
}

export interface Bucket {
  objects: Map<string, BucketObject>;
  uploads: Map<string, BucketUpload>;
}

export function objectOf(bytes: Buffer, etag = etagOf(bytes)): BucketObject {
  return { bytes, etag, modifiedAt: new Date() };
}

export function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;

/** The object that the parts make; they are checked as AWS does. */
export function joinParts(
  upload: BucketUpload,
  named: readonly { number: number; etag: string; checksum: string | undefined }[],
): BucketObject {
  const pieces = named.map(({ number, etag, checksum }, index) => {
    const part = upload.parts.get(number);
    const isLast = index === named.length - 1;
    if (part?.etag !== etag) throw new S3Fault(400, 'InvalidPart');
    if (upload.hasChecksums && checksum === undefined) throw new S3Fault(400, 'InvalidRequest');
    if (!isLast && part.bytes.length < MIN_PART_BYTES) throw new S3Fault(400, 'EntityTooSmall');
    return part.bytes;
  });
  if (named.some(({ number }, index) => number <= (named[index - 1]?.number ?? 0))) {
    throw new S3Fault(400, 'InvalidPartOrder');
  }
  const digests = Buffer.concat(pieces.map((bytes) => createHash('md5').update(bytes).digest()));
  const etag = `"${createHash('md5').update(digests).digest('hex')}-${pieces.length}"`;
  return objectOf(Buffer.concat(pieces), etag);
}
