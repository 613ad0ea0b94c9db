import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChunk, encodeChunk, isZero } from '../../../../lib/bank/format/chunk.ts';
import { compress, decompress } from '../../../../lib/bank/format/zstd.ts';
import { noise, text } from '../random.ts';

describe('chunks', () => {
  it('come back from either encoding', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 5000 }),
      fc.nat(5000).map((length) => text(length + 1)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (plain) => {
        const encoded = await encodeChunk(plain);
        expect(encoded.bytes.length).toBeLessThanOrEqual(plain.length);
        expect(new Uint8Array(await decodeChunk(encoded, plain.length))).toEqual(plain);
      }),
      { numRuns: 50 },
    );
  });

  it('are compressed only where that saves a twentieth', async () => {
    expect(await encodeChunk(text(262_144))).toMatchObject({ encoding: 'zstd' });
    expect(await encodeChunk(noise(262_144))).toMatchObject({ encoding: 'raw' });
    const hardly = noise(4096).fill(0, 0, 150);
    expect((await compress(hardly)).length).toBeLessThan(4096);
    expect(await encodeChunk(hardly)).toMatchObject({ encoding: 'raw' });
  });

  it('never decode to more or fewer bytes than they should have', async () => {
    const frame = await compress(Buffer.alloc(10_000_000));
    expect(frame.length).toBeLessThan(1000);

    // Not made and then found too long: never made.
    await expect(decompress(frame, 4096)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' });
    for (const wrong of [4096, 9_999_999, 10_000_001]) {
      await expect(decompress(frame, wrong)).rejects.toThrow();
      await expect(decodeChunk({ encoding: 'raw', bytes: frame }, wrong)).rejects.toThrow();
    }
  });

  it('are refused when a frame asks for a huge window', async () => {
    // One raw block of one byte, in frames with windows of 8 and 32 MiB.
    const usual = Buffer.from('28b52ffd0068090000aa', 'hex');
    const greedy = Buffer.from('28b52ffd0078090000aa', 'hex');

    expect(await decompress(usual, 1)).toEqual(Buffer.of(0xaa));
    await expect(decompress(greedy, 1)).rejects.toThrow(/memory/);
  });

  it('are holes when they are all zero, whatever their length', () => {
    for (const length of [1, 4096, 262_144, 4_194_304]) {
      const bytes = Buffer.alloc(length);
      expect(isZero(bytes)).toBe(true);
      bytes[length - 1] = 1;
      expect(isZero(bytes)).toBe(false);
    }
  });
});
