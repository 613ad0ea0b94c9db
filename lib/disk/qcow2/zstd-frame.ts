const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

export interface ZstdFrame {
  lengthBytes: number;
  /** It holds nothing for the output. */
  isSkippable: boolean;
}

/**
 * The zstd frame that starts at `start` (RFC 8878), found by walking its block headers, or undefined where there is no whole frame.
 * Needed because a compressed cluster is followed by what shares its last sector, often the next frame.
 */
export function zstdFrameAt(bytes: Uint8Array, start: number): ZstdFrame | undefined {
  if (bytes.length - start < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const magic = view.getUint32(0, true);
  const isSkippable = (magic & ~0xf) >>> 0 === skippableMagic;
  if (!isSkippable && magic !== frameMagic) return undefined;
  const lengthBytes = isSkippable ? 8 + view.getUint32(4, true) : dataFrameBytes(view);
  if (lengthBytes === undefined || lengthBytes > view.byteLength) return undefined;
  return { lengthBytes, isSkippable };
}

function dataFrameBytes(view: DataView): number | undefined {
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const checksumBytes = (descriptor & 4) === 0 ? 0 : 4;
  let offset = 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  for (;;) {
    if (offset + 3 > view.byteLength) return undefined;
    const header = view.getUint8(offset) | (view.getUint16(offset + 1, true) << 8);
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    // A run-length block stores one byte, whatever its size.
    offset += 3 + (type === 1 ? 1 : size);
    if (isLast) return offset + checksumBytes;
  }
}
