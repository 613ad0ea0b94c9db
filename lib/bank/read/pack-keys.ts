import type { KeyObject } from 'node:crypto';
import type { Limit } from '../../disk/range/limit.ts';
import type { Bank } from '../bank.ts';
import { PACK_HEADER_BYTES } from '../format/pack-layout.ts';
import { packKeyOf } from '../format/pack-reader.ts';
import { LruCache, loadOnce } from './lru-cache.ts';

/** Keys of the packs of 64 GiB of stored data. */
const KEYS_KEPT = 1024;

/** The keys of packs, each read once from the pack's header. */
export class PackKeys {
  readonly #bank: Bank;
  readonly #limit: Limit;
  readonly #keys = new LruCache<string, Promise<KeyObject | undefined>>(KEYS_KEPT);

  constructor(bank: Bank, limit: Limit) {
    this.#bank = bank;
    this.#limit = limit;
  }

  /**
   * Undefined in an unsealed bank. Throws `ObjectNotFound`, `RangeOutsideObject` or `ObjectDamaged` for a pack that is gone, cut or
   * altered. Whoever asks shares one read, which therefore carries no one's signal.
   */
  async of(pack: string): Promise<KeyObject | undefined> {
    if (!this.#bank.info.sealed) return undefined;
    return loadOnce(this.#keys, pack, () => this.#read(pack));
  }

  async #read(pack: string): Promise<KeyObject | undefined> {
    const range = { offset: 0, length: PACK_HEADER_BYTES };
    const header = await this.#limit(() => this.#bank.places.bank.get(pack, { range }));
    return packKeyOf(this.#bank.keys, pack, header);
  }
}
