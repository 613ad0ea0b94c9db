import { constants, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zstdFrameAt } from '../../../../lib/disk/qcow2/zstd-frame.ts';

describe('zstdFrameAt', () => {
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

          const file = Buffer.concat([after, frame, after]);
          expect(zstdFrameAt(file, after.length)).toEqual({
            lengthBytes: frame.length,
            isSkippable: false,
          });
          expect(zstdFrameAt(frame.subarray(0, -1), 0)).toBeUndefined();
        },
      ),
      { numRuns: 100 },
    );
  });

  it('finds the end of a skippable frame', () => {
    const frame = Buffer.alloc(20);
    frame.writeUInt32LE(0x184d2a53, 0);
    frame.writeUInt32LE(7, 4);

    expect(zstdFrameAt(frame, 0)).toEqual({ lengthBytes: 15, isSkippable: true });
    expect(zstdFrameAt(frame.subarray(0, 14), 0)).toBeUndefined();
  });

  it('finds none in other bytes', () => {
    expect(zstdFrameAt(Buffer.alloc(100), 0)).toBeUndefined();
    expect(zstdFrameAt(Buffer.alloc(3), 0)).toBeUndefined();
    expect(zstdFrameAt(Buffer.alloc(100), 100)).toBeUndefined();
  });
});
