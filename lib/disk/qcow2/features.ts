import type { UnsupportedFeature } from '../errors.ts';

/** Bits of the header's incompatible_features (qcow2 specification, docs/interop/qcow2.txt of QEMU). */
const dirtyBit = 0;
const corruptBit = 1;
const externalDataBit = 2;
const compressionBit = 3;
const extendedL2Bit = 4;

export interface IncompatibleFeatures {
  compressionType: boolean;
  extendedL2: boolean;
  /** Bits that make the image unreadable here, with names. */
  refused: UnsupportedFeature[];
}

/** `names` are the image's own, for bits that are not known here. */
export function readIncompatibleFeatures(
  mask: bigint,
  names: ReadonlyMap<number, string>,
): IncompatibleFeatures {
  const has = (bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;
  const refused: UnsupportedFeature[] = [];
  if (has(dirtyBit)) refused.push('dirty bit');
  if (has(corruptBit)) refused.push('corrupt bit');
  if (has(externalDataBit)) refused.push('external data file');
  for (let bit = extendedL2Bit + 1; bit < 64; bit += 1) {
    if (has(bit)) refused.push(`incompatible feature ${names.get(bit) ?? `bit ${bit}`}`);
  }
  return { compressionType: has(compressionBit), extendedL2: has(extendedL2Bit), refused };
}
