import { CorruptDisk } from '../errors.ts';
import { viewOf } from './big-endian.ts';

const endOfExtensions = 0;
const featureNameTable = 0x6803f857;
const encryptionHeader = 0x0537be77;
const incompatibleType = 0;
const nameEntryBytes = 48;

export interface HeaderExtensions {
  /** Names of incompatible feature bits, as the image has them. */
  featureNames: ReadonlyMap<number, string>;
  encryptionHeader: boolean;
}

/** Walks the header extensions in `[start, end)` of the first cluster. Unknown ones are skipped, as the specification wants. */
export function readHeaderExtensions(
  cluster: Uint8Array,
  start: number,
  end: number,
): HeaderExtensions {
  const view = viewOf(cluster);
  const featureNames = new Map<number, string>();
  let encrypted = false;
  let offset = start;
  while (offset + 8 <= end) {
    const type = view.getUint32(offset);
    const length = view.getUint32(offset + 4);
    if (type === endOfExtensions) break;
    const data = offset + 8;
    if (data + length > end)
      throw new CorruptDisk('a header extension is too long', { fileOffset: offset });
    if (type === encryptionHeader) encrypted = true;
    if (type === featureNameTable) readNames(cluster.subarray(data, data + length), featureNames);
    offset = data + Math.ceil(length / 8) * 8;
  }
  return { featureNames, encryptionHeader: encrypted };
}

function readNames(table: Uint8Array, names: Map<number, string>): void {
  for (let at = 0; at + nameEntryBytes <= table.length; at += nameEntryBytes) {
    if (table[at] !== incompatibleType) continue;
    const text = Buffer.from(table.subarray(at + 2, at + nameEntryBytes)).toString('latin1');
    // The name goes into messages and logs, and the image is hostile input.
    const name = text.replace(/\0.*$/s, '').replaceAll(/[^\w .()-]/g, '?');
    if (name !== '') names.set(table[at + 1]!, name);
  }
}
