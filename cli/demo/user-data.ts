import { createCipheriv } from 'node:crypto';

const MIB = 1024 ** 2;
/** Half text, half noise: compresses like the disk of a server in use. */
const TEXT_SHARE = 0.5;
const BLOCK_BYTES = 64 * 1024;

/** Bytes that look like files of a server: the same for the same seed, different everywhere else. */
export function userData(seed: string, sizeBytes: number): Buffer {
  const key = Buffer.alloc(16, `${seed}-snapbank-demo`);
  const noise = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const text = Buffer.alloc(
    BLOCK_BYTES * TEXT_SHARE,
    `${seed}: what the users of this server wrote. `,
  );
  const bytes = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += BLOCK_BYTES) {
    bytes.set(text.subarray(0, Math.max(0, sizeBytes - offset)), offset);
    const random = noise.update(Buffer.alloc(BLOCK_BYTES - text.length));
    const start = offset + text.length;
    if (start < sizeBytes) bytes.set(random.subarray(0, sizeBytes - start), start);
  }
  return bytes;
}

export function mebibytes(count: number): number {
  return count * MIB;
}
