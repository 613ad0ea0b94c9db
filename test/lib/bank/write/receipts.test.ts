import { describe, expect, it } from 'vitest';
import type { SegmentReceipt } from '../../../../lib/bank/format/receipt.ts';
import { putReceipt, readReceipt, readReceipts } from '../../../../lib/bank/write/receipts.ts';
import { aBank, backUp, SEGMENT } from '../a-bank.ts';
import { noise } from '../random.ts';
import { flip, keysOf } from '../tamper.ts';

const scope = { checkpoint: 'ab'.repeat(12), imageId: 'e5f0-image' };
const bank = await aBank();
const { receipts } = await backUp(bank, noise(3 * SEGMENT));

describe('receipts', () => {
  it('are listed by segment, whatever the order in which they came', async () => {
    const shared = await aBank();
    const many = Array.from({ length: 12 }, (_, segment) => ({ ...one(), segment }));
    for (const receipt of many.toReversed()) await putReceipt(shared, scope, receipt);

    expect(await readReceipts(shared, scope, 0)).toEqual(many);
    expect(await readReceipt(shared, scope, { disk: 0, segment: 11 })).toEqual(many[11]);
  });

  it('are those of one checkpoint, one image and one disk', async () => {
    const shared = await aBank();
    await putReceipt(shared, scope, one());
    await putReceipt(shared, { ...scope, imageId: 'another' }, { ...one(), segment: 1 });
    await putReceipt(shared, { ...scope, checkpoint: 'cd'.repeat(12) }, { ...one(), segment: 2 });
    await putReceipt(shared, scope, { ...one(), disk: 1, segment: 3 });

    expect(await readReceipts(shared, scope, 0)).toEqual([one()]);
    expect(await readReceipt(shared, scope, { disk: 0, segment: 1 })).toBeUndefined();
  });

  it('that are damaged or moved count as lost: the segment is read again', async () => {
    const shared = await aBank();
    for (const segment of [0, 1, 2]) await putReceipt(shared, scope, { ...one(), segment });
    const { work } = shared.places;
    const [first = '', second = '', third = ''] = await keysOf(work, 'receipts/');
    await flip(work, first, 60);
    await work.put(second, await work.get(third));

    expect(await readReceipts(shared, scope, 0)).toEqual([{ ...one(), segment: 2 }]);
    expect(await readReceipt(shared, scope, { disk: 0, segment: 0 })).toBeUndefined();
  });

  it('of another place in an unsealed bank are not believed either', async () => {
    const shared = await aBank({ access: 'unsealed' });
    await putReceipt(shared, scope, one());
    const { work } = shared.places;
    const [key = ''] = await keysOf(work, 'receipts/');
    await work.put(key.replace(/0$/, '1'), await work.get(key));

    expect(await readReceipts(shared, scope, 0)).toEqual([one()]);
  });

  it('can be written again', async () => {
    const shared = await aBank();
    await putReceipt(shared, scope, one());
    await putReceipt(shared, scope, one());

    expect(await readReceipts(shared, scope, 0)).toEqual([one()]);
  });
});

function one(): SegmentReceipt {
  const [receipt] = receipts;
  if (receipt === undefined) throw new RangeError('no receipt');
  return receipt;
}
