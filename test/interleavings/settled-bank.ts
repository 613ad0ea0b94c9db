import { PackLiveness } from './pack-liveness.ts';
import { BankBroken, type Observer } from './observer.ts';

/** Of what packs store, so much may be needed by nobody when compactions have done what they can. */
const MAX_WASTE = 0.1;

/** Throws unless a bank that has come to rest holds every checkpoint that was not pruned, whole, and nothing else. */
export async function expectSettled(observer: Observer): Promise<{ wasteShare: number }> {
  const live = observer.live();
  const unsettled = live.find(({ state }) => state !== 'COMMITTED');
  if (unsettled !== undefined) {
    throw new BankBroken(`${unsettled.checkpoint} is still ${unsettled.state}.`);
  }
  const left = observer.registerKeys('pins/');
  if (left.length > 0) throw new BankBroken(`Pins are left: ${left.join(', ')}.`);
  for (const [checkpoint, head] of observer.heads()) {
    const keys = observer.registerKeys(`records/${checkpoint.slice(16)}/${checkpoint}/`);
    if (head === 'buried' && keys.length > 0) {
      throw new BankBroken(`The grave of ${checkpoint} is open: ${keys.join(', ')}.`);
    }
  }
  const needed = new Set<string>();
  const liveness = new PackLiveness(observer.bank);
  for (const record of live) {
    if (record.state !== 'COMMITTED') continue;
    await observer.compareDisk(record);
    needed.add(record.root.key);
    for (const name of observer.namesOf(record.root.key)) needed.add(name);
    await liveness.add(record.root);
  }
  const garbage = observer.dataKeys().filter((key) => !needed.has(key));
  if (garbage.length > 0) throw new BankBroken(`Garbage is left: ${garbage.join(', ')}.`);
  const wasteShare = liveness.wasteShare();
  if (wasteShare > MAX_WASTE) {
    throw new BankBroken(`${(wasteShare * 100).toFixed(1)} % of what the packs store is waste.`);
  }
  return { wasteShare };
}
