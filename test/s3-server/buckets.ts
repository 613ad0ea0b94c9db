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
  /** Whether it was started with CRC32; only then are the parts' checksums listed. */
  hasChecksums: boolean;
  parts: Map<number, BucketPart>;
}

interface BucketPart {
  bytes: Buffer;
  etag: string;
  /** As it was sent; it must be named to complete the upload, as AWS demands. */
  checksum: string | undefined;
}

export interface Bucket {
  objects: Map<string, BucketObject>;
  uploads: Map<string, BucketUpload>;
}

export function objectOf(bytes: Buffer, modifiedAt: Date, etag = etagOf(bytes)): BucketObject {
  return { bytes, etag, modifiedAt };
}

export function etagOf(bytes: Uint8Array): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;

/** The object that the parts make; they are checked as AWS does. */
export function joinParts(
  upload: BucketUpload,
  named: readonly { number: number; etag: string; checksum: string | undefined }[],
  modifiedAt: Date,
): BucketObject {
  const pieces = named.map(({ number, etag, checksum }, index) => {
    const part = upload.parts.get(number);
    const isLast = index === named.length - 1;
    if (part?.etag !== etag || part.checksum !== checksum) throw new S3Fault(400, 'InvalidPart');
    if (!isLast && part.bytes.length < MIN_PART_BYTES) throw new S3Fault(400, 'EntityTooSmall');
    return part.bytes;
  });
  if (named.some(({ number }, index) => number <= (named[index - 1]?.number ?? 0))) {
    throw new S3Fault(400, 'InvalidPartOrder');
  }
  const digests = Buffer.concat(pieces.map((bytes) => createHash('md5').update(bytes).digest()));
  const etag = `"${createHash('md5').update(digests).digest('hex')}-${pieces.length}"`;
  return objectOf(Buffer.concat(pieces), modifiedAt, etag);
}
