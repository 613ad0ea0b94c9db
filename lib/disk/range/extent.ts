/** A run of guest addresses whose bytes lie as they are in the image file. */
interface PlainExtent {
  readonly kind: 'plain';
  /** Guest address of the first byte. */
  readonly guest: number;
  length: number;
  /** Offset in the image file. */
  readonly host: number;
}

/** A run of guest addresses inside one compressed cluster. */
interface CompressedExtent {
  readonly kind: 'compressed';
  readonly guest: number;
  readonly length: number;
  readonly host: number;
  /** Bytes in the image file that hold the compressed cluster, and perhaps the start of what follows it. */
  readonly hostLength: number;
  /** Where the run starts in the inflated cluster. */
  readonly skip: number;
  readonly inflate: Inflate;
}

/** Inflates a compressed cluster to exactly one cluster; `host` is where it lies, for errors. Throws CorruptDisk. */
export type Inflate = (stored: Uint8Array, host: number) => Promise<Uint8Array>;

export type Extent = PlainExtent | CompressedExtent;

/** Guest addresses `[start, end)`; all that its extents (ascending, apart) leave out is a hole. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly extents: readonly Extent[];
}

/** Bytes of the image file that hold an extent. */
export function storedLength(extent: Extent): number {
  return extent.kind === 'plain' ? extent.length : extent.hostLength;
}

/** Appends a plain extent, as part of the last one where it goes on in the guest and in the file. */
export function appendPlain(extents: Extent[], guest: number, length: number, host: number): void {
  const last = extents.at(-1);
  if (
    last?.kind === 'plain' &&
    last.guest + last.length === guest &&
    last.host + last.length === host
  ) {
    last.length += length;
  } else {
    extents.push({ kind: 'plain', guest, length, host });
  }
}
