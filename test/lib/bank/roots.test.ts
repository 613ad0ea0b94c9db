import { describe, expect, it } from 'vitest';
import type { Bank } from '../../../lib/bank/bank.ts';
import { ObjectDamaged } from '../../../lib/bank/errors.ts';
import { wrap } from '../../../lib/bank/format/envelope.ts';
import type { Root } from '../../../lib/bank/format/root.ts';
import { digestOf } from '../../../lib/bank/object-ref.ts';
import { readSegmentTable } from '../../../lib/bank/read/segments.ts';
import { putRoot, readRoot } from '../../../lib/bank/roots.ts';
import { ObjectNotFound } from '../../../lib/bank/store/errors.ts';
import { aBank, backUp, SEGMENT } from './a-bank.ts';
import { noise } from './random.ts';
import { flipped } from './tamper.ts';

/** Stores a root that no honest writer would, with a digest that fits. */
async function forge(bank: Bank, key: string, contents: unknown) {
  const plain = Buffer.from(typeof contents === 'string' ? contents : JSON.stringify(contents));
  const bytes = await wrap(bank.keys, { kind: 'root', key }, plain);
  await bank.places.bank.put(key, bytes);
  return { key, digest: digestOf(bytes) };
}

describe.each([['sealed'], ['unsealed']])('the root of a bank that is %s', (kind) => {
  const make = () => aBank(kind === 'sealed' ? {} : { access: 'unsealed' });

  it('comes back as it was put, under a name of its own each time', async () => {
    const bank = await make();
    const { root, ref } = await backUp(bank, noise(SEGMENT + 5));

    const again = await putRoot(bank, root);

    expect(again.key).not.toBe(ref.key);
    expect(ref.key).toMatch(new RegExp(`^roots/${root.checkpoint}-[0-9a-f]{16}$`));
    expect(await readRoot(bank, ref)).toEqual(root);
    expect(await readRoot(bank, again)).toEqual(root);
  });

  it('is refused wherever a byte of it is altered', async () => {
    const bank = await make();
    const { ref } = await backUp(bank, noise(100));
    const bytes = await bank.places.bank.get(ref.key);

    for (let at = 0; at < bytes.length; at += 5) {
      await bank.places.bank.put(ref.key, flipped(bytes, at, at % 8));
      await expect(readRoot(bank, ref)).rejects.toThrow(ObjectDamaged);
    }
  });

  it('is refused when it was moved or is gone', async () => {
    const bank = await make();
    const { ref } = await backUp(bank, noise(100));
    const key = ref.key.replace(/^roots\/0/, 'roots/f');
    await bank.places.bank.put(key, await bank.places.bank.get(ref.key));

    await expect(readRoot(bank, { ...ref, key })).rejects.toThrow(ObjectDamaged);
    await expect(readRoot(bank, { ...ref, key: 'roots/none' })).rejects.toThrow(ObjectNotFound);
  });

  it('is refused when what it says cannot be', async () => {
    const bank = await make();
    const { root, ref } = await backUp(bank, noise(SEGMENT + 5));
    const [disk] = root.disks;
    const [segment, last] = disk?.segments ?? [];
    const withDisk = (change: object) => ({ ...root, disks: [{ ...disk, ...change }] });

    for (const contents of [
      'not json',
      { ...root, version: 2 },
      { ...root, bankId: '0'.repeat(32) },
      { ...root, chunkSizeBytes: 8192 },
      { ...root, unknown: 1 },
      { ...root, disks: [] },
      withDisk({ guestSizeBytes: 2 ** 50 }),
      withDisk({ segments: [segment] }),
      withDisk({ segments: [segment, { ...last, chunkCount: 2 }] }),
      withDisk({ segments: [segment, { ...last, nonHoleCount: 0 }] }),
      withDisk({ segments: [segment, { ...last, object: null }] }),
    ]) {
      const forged = await forge(bank, ref.key, contents);
      await expect(readRoot(bank, forged)).rejects.toThrow(ObjectDamaged);
    }
  });
});

describe('a segment’s table', () => {
  it('is refused unless it is the one that the root describes', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, noise(2 * SEGMENT));
    const [disk] = root.disks as [Root['disks'][0]];
    const [first, second] = disk.segments as [
      Root['disks'][0]['segments'][0],
      Root['disks'][0]['segments'][0],
    ];
    const read = (segments: typeof disk.segments) =>
      readSegmentTable(bank, { disk: 0, segments }, 0);

    await expect(read([first, second])).resolves.toMatchObject({ chunkCount: 8 });
    for (const wrong of [
      second,
      { ...first, hash: second.hash },
      { ...first, chunkCount: 7 },
      { ...first, nonHoleCount: 7 },
      { ...first, object: second.object },
      {
        ...first,
        object: { ...(first.object as { key: string }), digest: '0'.repeat(64), sizeBytes: 1 },
      },
    ]) {
      await expect(read([wrong, second])).rejects.toThrow(ObjectDamaged);
    }
    await expect(readSegmentTable(bank, disk, 2)).rejects.toThrow(RangeError);
  });
});
