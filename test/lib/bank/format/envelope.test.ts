import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyMissing, ObjectDamaged } from '../../../../lib/bank/errors.ts';
import { unwrap, wrap } from '../../../../lib/bank/format/envelope.ts';
import { aBank } from '../a-bank.ts';
import { noise, text } from '../random.ts';
import { flipped } from '../tamper.ts';

const context = { kind: 'segment', key: 'segments/a/0-0-b' } as const;
const MOST = 100_000;

const banks = [
  ['sealed', await aBank()],
  ['unsealed', await aBank({ access: 'unsealed' })],
] as const;

describe.each(banks)('an envelope of a bank that is %s', (_, { keys }) => {
  it('gives back what it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (plain) => {
        const stored = await wrap(keys, context, plain);
        expect(new Uint8Array(await unwrap(keys, context, stored, MOST))).toEqual(plain);
      }),
      { numRuns: 30 },
    );
  });

  it('is not taken for another kind, nor cut', async () => {
    const stored = await wrap(keys, context, text(500));

    await expect(unwrap(keys, { ...context, kind: 'root' }, stored, MOST)).rejects.toThrow(
      ObjectDamaged,
    );
    for (const length of [0, 10, 28, 40, stored.length - 1]) {
      await expect(unwrap(keys, context, stored.subarray(0, length), MOST)).rejects.toThrow(
        ObjectDamaged,
      );
    }
  });

  it('is refused when it claims more than there can be', async () => {
    const stored = await wrap(keys, context, text(500));
    stored.writeUInt32BE(0xffff_ffff, 12);

    await expect(unwrap(keys, context, stored, MOST)).rejects.toThrow(/claims 4294967295 bytes/);
  });
});

describe('the envelope of a sealed bank', () => {
  it('notices every altered bit', async () => {
    const { keys } = await aBank();
    const stored = await wrap(keys, context, noise(300));
    await fc.assert(
      fc.asyncProperty(fc.nat(stored.length - 1), fc.nat(7), async (at, bit) => {
        await expect(unwrap(keys, context, flipped(stored, at, bit), MOST)).rejects.toThrow(
          expect.toSatisfy(
            (error) => error instanceof ObjectDamaged || error instanceof KeyMissing,
          ),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('opens under its own key only, and with no other bank’s keys', async () => {
    const { keys } = await aBank();
    const stored = await wrap(keys, context, text(500));

    await expect(
      unwrap(keys, { ...context, key: 'segments/a/0-1-b' }, stored, MOST),
    ).rejects.toThrow(ObjectDamaged);
    await expect(unwrap((await aBank()).keys, context, stored, MOST)).rejects.toThrow(
      ObjectDamaged,
    );
  });

  it('shows nothing of what it holds', async () => {
    const { keys } = await aBank();
    const stored = await wrap(keys, context, noise(300));

    expect(stored.toString('latin1')).not.toContain(
      Buffer.from(noise(300).subarray(0, 8)).toString('latin1'),
    );
  });

  it('is not replaced by one that is unsealed, nor the other way round', async () => {
    const { keys } = await aBank();
    const unsealed = (await aBank({ access: 'unsealed' })).keys;

    await expect(
      unwrap(keys, context, await wrap(unsealed, context, text(500)), MOST),
    ).rejects.toThrow(ObjectDamaged);
    await expect(
      unwrap(unsealed, context, await wrap(keys, context, text(500)), MOST),
    ).rejects.toThrow(ObjectDamaged);
  });
});
