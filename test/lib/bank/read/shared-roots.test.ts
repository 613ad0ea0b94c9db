import { describe, expect, it } from 'vitest';
import { ObjectDamaged } from '../../../../lib/bank/errors.ts';
import { readSharedRoot } from '../../../../lib/bank/read/shared-roots.ts';
import { aBank, backUp, memoryPlaces } from '../a-bank.ts';
import { noise } from '../random.ts';
import { flipped } from '../tamper.ts';
import { countingStore } from './counting-store.ts';

async function aCountingBank() {
  const places = memoryPlaces();
  const { store, reads } = countingStore(places.bank);
  const bank = await aBank({}, { ...places, bank: store });
  const backedUp = await backUp(bank, noise(20_000));
  reads.length = 0;
  return { bank, reads, ...backedUp };
}

describe('a shared root', () => {
  it('is read once, by however many ask for it, then and later', async () => {
    const { bank, reads, ref, root } = await aCountingBank();

    const answers = await Promise.all([1, 2, 3].map(() => readSharedRoot(bank, ref)));
    answers.push(await readSharedRoot(bank, ref));

    expect(reads.map(({ key }) => key)).toEqual([ref.key]);
    for (const answer of answers) expect(answer).toEqual(root);
  });

  it('is not kept when it could not be read', async () => {
    const { bank, reads, ref, root } = await aCountingBank();
    const sound = await bank.places.bank.get(ref.key);
    await bank.places.bank.put(ref.key, flipped(sound, 40, 1));
    await expect(readSharedRoot(bank, ref)).rejects.toThrow(ObjectDamaged);
    await bank.places.bank.put(ref.key, sound);
    reads.length = 0;

    expect(await readSharedRoot(bank, ref)).toEqual(root);
    expect(reads).toHaveLength(1);
  });

  it('is not what another digest names', async () => {
    const { bank, ref } = await aCountingBank();
    await readSharedRoot(bank, ref);

    const other = { ...ref, digest: '0'.repeat(64) };

    await expect(readSharedRoot(bank, other)).rejects.toThrow(ObjectDamaged);
  });

  it('comes also to those who ask when the one who asked first was stopped', async () => {
    const { bank, ref, root } = await aCountingBank();
    const stopped = new AbortController();
    const first = readSharedRoot(bank, ref, { signal: stopped.signal });
    const second = readSharedRoot(bank, ref);
    stopped.abort(new Error('stopped'));

    await expect(first).rejects.toThrow('stopped');
    expect(await second).toEqual(root);
  });
});
