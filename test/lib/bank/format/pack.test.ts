import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyMissing, ObjectDamaged } from '../../../../lib/bank/errors.ts';
import { encodeChunk } from '../../../../lib/bank/format/chunk.ts';
import { PackBuilder } from '../../../../lib/bank/format/pack-builder.ts';
import { openPack } from '../../../../lib/bank/format/pack-reader.ts';
import { PACK_HEADER_BYTES } from '../../../../lib/bank/format/pack-layout.ts';
import type { BankKeys } from '../../../../lib/bank/keys/bank-keys.ts';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { openBank } from '../../../../lib/bank/open-bank.ts';
import { digestOf } from '../../../../lib/bank/object-ref.ts';
import { aBank, memoryPlaces, readerOf } from '../a-bank.ts';
import { noise, text } from '../random.ts';
import { flipped } from '../tamper.ts';

const pack = 'packs/000000000000000000000000/0-0-0000000000000000-0';
const plains = [text(4096, 1), noise(4096, 2), noise(100, 3), text(4096, 4)];

async function packOf(keys: BankKeys, chunks: readonly Uint8Array[], name = pack) {
  const builder = new PackBuilder(keys, name, Buffer.alloc(100_000));
  const locations = [];
  for (const plain of chunks) {
    locations.push(builder.append(keys.chunkId(plain), plain.length, await encodeChunk(plain)));
  }
  return { ...builder.finish(), locations };
}

const banks = [
  ['sealed', await aBank()],
  ['unsealed', await aBank({ access: 'unsealed' })],
] as const;

describe.each(banks)('a pack of a bank that is %s', (_, { keys }) => {
  it('explains itself by its trailer and gives back every chunk', async () => {
    const { ref, bytes, locations } = await packOf(keys, plains);

    const opened = openPack(keys, pack, bytes);

    expect(ref).toEqual({ key: pack, digest: digestOf(bytes), sizeBytes: bytes.length, chunks: 4 });
    expect(opened.slots.map(({ location }) => location)).toEqual(locations);
    for (const [n, slot] of opened.slots.entries()) {
      expect(new Uint8Array(await opened.read(slot))).toEqual(plains[n]);
    }
  });

  it('holds chunks one after the other, without gaps', async () => {
    const { locations } = await packOf(keys, plains);

    let end = PACK_HEADER_BYTES;
    for (const { offset, storedLength } of locations) {
      expect(offset).toBe(end);
      end += storedLength;
    }
  });

  it('gives no chunk for another, wherever a bit of it is turned over', async () => {
    const { bytes } = await packOf(keys, plains);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const altered = flipped(bytes, at, bit);
        try {
          const opened = openPack(keys, pack, altered);
          for (const [n, slot] of opened.slots.entries()) {
            const id = keys.chunkId(await opened.read(slot));
            expect(id).toEqual(keys.chunkId(plains[n] ?? new Uint8Array()));
          }
        } catch (error) {
          expect(error instanceof ObjectDamaged || error instanceof KeyMissing).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is refused when it is cut anywhere', async () => {
    const { bytes } = await packOf(keys, plains);

    for (const length of [0, 11, PACK_HEADER_BYTES, 200, bytes.length - 1]) {
      expect(() => openPack(keys, pack, bytes.subarray(0, length))).toThrow(ObjectDamaged);
    }
  });

  it('takes what fits, and never grows past its buffer', async () => {
    const chunk = await encodeChunk(noise(4096));
    const builder = new PackBuilder(keys, pack, Buffer.alloc(30_000));
    let stored = 0;
    while (builder.fits(chunk.bytes.length)) {
      builder.append(keys.chunkId(Buffer.from([stored])), 4096, chunk);
      stored++;
    }

    const { bytes } = builder.finish();

    expect(stored).toBe(7);
    expect(bytes.length).toBeLessThanOrEqual(30_000);
  });

  it('may be empty', async () => {
    const { bytes } = await packOf(keys, []);

    expect(openPack(keys, pack, bytes).slots).toEqual([]);
  });
});

describe('a pack of a sealed bank', () => {
  it('notices every altered bit in header, slots and trailer', async () => {
    const { keys } = await aBank();
    const { bytes } = await packOf(keys, plains);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const read = async () => {
          const opened = openPack(keys, pack, flipped(bytes, at, bit));
          for (const slot of opened.slots) await opened.read(slot);
        };
        await expect(read()).rejects.toThrow();
      }),
      { numRuns: 100 },
    );
  });

  it('opens under its own name only', async () => {
    const { keys } = await aBank();
    const { bytes } = await packOf(keys, plains);

    expect(() => openPack(keys, pack.replace(/0$/, '1'), bytes)).toThrow(ObjectDamaged);
  });

  it('does not open for whoever may only write', async () => {
    const places = memoryPlaces();
    const machine = newSecretKey();
    const access = [
      readerOf(newSecretKey()),
      { label: 'machine', role: 'writer', publicKey: machine.publicKey },
    ] as const;
    await aBank({ access }, places);
    const { keys } = await openBank(places, { key: machine });

    const { bytes } = await packOf(keys, plains);

    expect(() => openPack(keys, pack, bytes)).toThrow(KeyMissing);
  });

  it('has a key of its own: the same chunk is never stored as the same bytes', async () => {
    const { keys } = await aBank();

    const one = await packOf(keys, plains);
    const other = await packOf(keys, plains);

    expect(other.bytes).not.toEqual(one.bytes);
  });
});

describe('a pack of an unsealed bank', () => {
  it('cannot make a reader take gigabytes by the lengths in its trailer', async () => {
    const { keys } = await aBank({ access: 'unsealed' });
    const { bytes } = await packOf(keys, [text(4096)]);
    const forged = Buffer.from(bytes);
    forged.writeUInt32BE(0xffff_ffff, bytes.length - 12 - 48 + 40);

    expect(() => openPack(keys, pack, forged)).toThrow(ObjectDamaged);
  });
});
