import { constants, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zstdFrameLength } from '../../../../lib/disk/qcow2/zstd-frame.ts';

describe('zstdFrameLength', () => {
  it('finds the end of a frame, whatever follows', () => {
    const contents = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.tuple(fc.nat(255), fc.nat(300_000)).map(([byte, length]) => Buffer.alloc(length, byte)),
      fc.string({ maxLength: 500 }).map((text) => Buffer.from(text.repeat(50))),
    );
    fc.assert(
      fc.property(
        contents,
        fc.uint8Array({ maxLength: 600 }),
        fc.boolean(),
        (content, after, checksum) => {
          const frame = zstdCompressSync(content, {
            params: { [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0 },
          });

          expect(zstdFrameLength(Buffer.concat([frame, after]))).toBe(frame.length);
          expect(zstdFrameLength(frame.subarray(0, -1))).toBeUndefined();
        },
      ),
      { numRuns: 100 },
    );
  });

  it('finds the end of a skippable frame', () => {
    const frame = Buffer.alloc(20);
    frame.writeUInt32LE(0x184d2a53, 0);
    frame.writeUInt32LE(7, 4);

    expect(zstdFrameLength(frame)).toBe(15);
  });

  it('finds none in other bytes', () => {
    expect(zstdFrameLength(Buffer.alloc(100))).toBeUndefined();
    expect(zstdFrameLength(Buffer.alloc(3))).toBeUndefined();
  });
});
