import type { ObjectStore } from './store/object-store.ts';

/** The three places of a bank. They may lie in one bucket or directory, or each in its own. */
export interface BankPlaces {
  /** Checkpoints: bank.json, keys, roots, segments, packs. Written once, never changed; may be locked. */
  readonly bank: ObjectStore;
  /** Records and pins, the only objects with conditions; a copy of bank.json. Never versioned where conditions would be lost. */
  readonly register: ObjectStore;
  /** What may be lost without harm: item lists, receipts, assembled restores. */
  readonly work: ObjectStore;
}
