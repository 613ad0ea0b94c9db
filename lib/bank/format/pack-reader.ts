import type { KeyObject } from 'node:crypto';
import type { BankKeys } from '../keys/bank-keys.ts';
import { CHUNK_ID_BYTES, MAX_CHUNK_BYTES } from './chunk.ts';
import { gcmOpen } from './gcm.ts';
import {
  type ChunkLocation,
  decodePackFooter,
  decodePackHeader,
  encodingOf,
  PACK_FOOTER_BYTES,
  PACK_HEADER_BYTES,
  packDamaged,
  TRAILER_ENTRY_BYTES,
  trailerContext,
} from './pack-layout.ts';
import { openSlot, type SlotContents } from './slot.ts';

/** A whole pack that explains itself by its trailer: what verification and the rebuilding of lost tables read. */
export interface OpenedPack {
  readonly slots: readonly SlotContents[];
  /** The plain bytes of a slot, proven. Throws `ObjectDamaged`. */
  read(slot: SlotContents): Promise<Uint8Array>;
}

/** Opens a pack by its trailer. Throws `ObjectDamaged`; `KeyMissing` for a credential that may not read. */
export function openPack(keys: BankKeys, pack: string, bytes: Uint8Array): OpenedPack {
  const packKey = packKeyOf(keys, pack, bytes);
  const slots = readTrailer(keys, packKey, pack, bytes);
  return {
    slots,
    async read(slot) {
      const { offset, storedLength } = slot.location;
      try {
        return await openSlot(keys, packKey, slot, bytes.subarray(offset, offset + storedLength));
      } catch (error) {
        throw packDamaged(pack, `slot ${slot.location.slot} does not open`, error);
      }
    },
  };
}

/** The key of a pack out of its header; undefined in an unsealed bank. */
export function packKeyOf(keys: BankKeys, pack: string, header: Uint8Array): KeyObject | undefined {
  const { sealing } = decodePackHeader(pack, header);
  if ((sealing === undefined) !== (keys.currentEpoch === undefined)) {
    throw packDamaged(pack, 'its header contradicts the bank');
  }
  return sealing && keys.unwrapPackKey(pack, sealing.epoch, sealing.wrapped);
}

function readTrailer(
  keys: BankKeys,
  packKey: KeyObject | undefined,
  pack: string,
  bytes: Uint8Array,
): SlotContents[] {
  const footerStart = bytes.length - PACK_FOOTER_BYTES;
  if (footerStart < PACK_HEADER_BYTES) throw packDamaged(pack, 'it is cut');
  const { trailerBytes, slots } = decodePackFooter(pack, Buffer.from(bytes.subarray(footerStart)));
  const start = footerStart - trailerBytes;
  if (start < PACK_HEADER_BYTES) throw packDamaged(pack, 'its trailer is cut');
  const stored = bytes.subarray(start, footerStart);
  const table = openTrailer(keys, packKey, pack, slots, stored);
  if (table.length !== slots * TRAILER_ENTRY_BYTES) {
    throw packDamaged(pack, 'its trailer has another length');
  }
  return Array.from({ length: slots }, (_, slot) => {
    const at = slot * TRAILER_ENTRY_BYTES;
    const contents = trailerSlot(pack, slot, table.subarray(at, at + TRAILER_ENTRY_BYTES));
    const { offset, storedLength } = contents?.location ?? { offset: 0, storedLength: 0 };
    if (contents === undefined || offset < PACK_HEADER_BYTES || offset + storedLength > start) {
      throw packDamaged(pack, `slot ${slot} lies outside`);
    }
    return contents;
  });
}

function openTrailer(
  keys: BankKeys,
  packKey: KeyObject | undefined,
  pack: string,
  slots: number,
  stored: Uint8Array,
): Buffer {
  if (packKey === undefined) return Buffer.from(stored);
  try {
    return gcmOpen(packKey, trailerContext(keys.bankId, pack, slots), stored);
  } catch (error) {
    throw packDamaged(pack, 'its trailer does not open', error);
  }
}

function trailerSlot(pack: string, slot: number, entry: Buffer): SlotContents | undefined {
  const encoding = encodingOf(entry.readUInt8(CHUNK_ID_BYTES + 12));
  const plainLength = entry.readUInt32BE(CHUNK_ID_BYTES + 8);
  // The length decides how much memory is taken; in an unsealed bank nothing vouches for it.
  if (encoding === undefined || plainLength > MAX_CHUNK_BYTES) return undefined;
  const location: ChunkLocation = {
    pack,
    slot,
    offset: entry.readUInt32BE(CHUNK_ID_BYTES),
    storedLength: entry.readUInt32BE(CHUNK_ID_BYTES + 4),
    encoding,
  };
  return { location, id: entry.subarray(0, CHUNK_ID_BYTES), plainLength };
}
