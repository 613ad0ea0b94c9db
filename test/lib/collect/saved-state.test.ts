import { describe, expect, it } from 'vitest';
import type { Bank } from '../../../lib/bank/bank.ts';
import { CollectionState } from '../../../lib/bank/collect/collection-state.ts';
import { putNote, readNote } from '../../../lib/bank/notes.ts';
import { Graves } from '../../../lib/collect/plan.ts';
import { readState, saveState } from '../../../lib/collect/saved-state.ts';
import { aBank } from '../bank/a-bank.ts';
import { flipped, keysOf } from '../bank/tamper.ts';

const ID = '0123456789abcdef';
/** The epoch of a key is not a secret's: another one's key is not there. */
const NOTICED = ['ObjectDamaged', 'KeyMissing'];
const signal = new AbortController().signal;

function aState(): CollectionState {
  const state = new CollectionState({ dead: new Set(['0123456789abcdef01234567']) });
  for (let n = 0; n < 300; n += 1) state.oldGraves.add(String(n).padStart(24, '0'));
  return state;
}

const encoded = (state: CollectionState | undefined) =>
  Buffer.concat([...(state ?? new CollectionState()).encode()]);

describe.each([
  ['sealed', {}],
  ['unsealed', { access: 'unsealed' as const }],
])('what a collection writes down in the work place of a %s bank', (_, options) => {
  const store = async (): Promise<Bank> => {
    const bank = await aBank(options);
    await saveState(bank, ID, aState(), { signal });
    return bank;
  };

  it('is read as it was written', async () => {
    const bank = await store();

    expect(encoded(await readState(bank, ID, { signal }))).toEqual(encoded(aState()));
    expect(await readState(bank, 'another', { signal })).toBeUndefined();
  });

  it('is not believed when any byte of it was turned over: by it objects are deleted', async () => {
    const bank = await store();
    const { work } = bank.places;
    for (const key of await keysOf(work, '')) {
      const bytes = await work.get(key);
      for (let at = 0; at < bytes.length; at += 1) {
        await work.put(key, flipped(bytes, at, at % 8));
        const state = await readState(bank, ID, { signal }).catch((error: unknown) => error);
        // The header of an unsealed object has bytes that say nothing.
        if (state instanceof CollectionState) expect(encoded(state)).toEqual(encoded(aState()));
        else expect(NOTICED, `${key} byte ${String(at)}`).toContain((state as Error).name);
      }
      await work.put(key, bytes);
    }
    expect(await readState(bank, ID, { signal })).toBeInstanceOf(CollectionState);
  });

  it('names in its lists what was written or nothing', async () => {
    const bank = await store();
    const graves = { checkpoints: ['0123456789abcdef01234567'], pins: [] };
    await putNote(bank, 'collections/x/graves', graves);
    const bytes = await bank.places.work.get('collections/x/graves');
    const expected = { schema: Graves, maxBytes: 1000 };
    for (let at = 0; at < bytes.length; at += 1) {
      await bank.places.work.put('collections/x/graves', flipped(bytes, at, at % 8));
      const read = await readNote(bank, 'collections/x/graves', expected).catch((e: unknown) => e);
      if (read instanceof Error) expect(NOTICED, String(at)).toContain(read.name);
      else expect(read).toEqual(graves);
    }
  });
});
