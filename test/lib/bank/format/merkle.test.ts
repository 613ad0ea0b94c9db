import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { merkleRoot, segmentHash } from '../../../../lib/bank/format/merkle.ts';

const sha256 = (hex: string) => createHash('sha256').update(hex, 'hex').digest('hex');

describe('the Merkle root', () => {
  it('is made of leaves and sizes as the format says', () => {
    const one = segmentHash(Buffer.alloc(32, 0xaa));
    const two = segmentHash(Buffer.alloc(64, 0));

    expect(one).toBe(sha256(`00${'aa'.repeat(32)}`));
    expect(two).toBe(sha256(`00${'00'.repeat(64)}`));
    expect(merkleRoot(0x1_0000_0001, 4096, [one, two])).toBe(
      sha256(`01000000010000000100001000${one}${two}`),
    );
  });
});
