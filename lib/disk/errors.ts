import { SnapbankError } from '../errors.ts';

/** What a qcow2 image may need that is refused by name. */
export type UnsupportedFeature =
  | 'unknown version'
  | 'backing file'
  | 'external data file'
  | 'encryption'
  | 'dirty bit'
  | 'corrupt bit'
  | 'unknown compression'
  | `incompatible feature ${string}`;

/** The image is understood, and needs something that a backup of one file cannot do or must not trust. */
export class UnsupportedDisk extends SnapbankError {
  static readonly when =
    'A qcow2 image has a backing file, an external data file, encryption, a dirty or corrupt bit, or a feature that is not known.';
  static readonly remedy =
    'Make a flat copy with `qemu-img convert` (after `qemu-img check -r all` for a dirty or corrupt image), or back the image up as opaque.';
  override readonly name = 'UnsupportedDisk' as const;
  readonly features: readonly UnsupportedFeature[];

  constructor(features: readonly UnsupportedFeature[]) {
    const list = features.join(', ');
    super(`Cannot read the qcow2 image, it needs what is refused: ${list}.`, {
      identifiers: { features: list },
    });
    this.features = features;
  }
}

/** A place in an image file, or on the disk that it holds. */
export type DiskPlace =
  | { fileOffset: number; guestAddress?: never }
  | { guestAddress: number; fileOffset?: never };

/** A table, an entry or a compressed cluster of the image file cannot be believed. */
export class CorruptDisk extends SnapbankError {
  static readonly when =
    'A table, an offset or a compressed cluster of an image file contradicts the file or its format.';
  static readonly remedy =
    'Run `qemu-img check` on the image; take a new snapshot, or back the image up as opaque.';
  override readonly name = 'CorruptDisk' as const;

  /** `what` names the contradiction, `where` the place at which it was found. */
  constructor(what: string, where: DiskPlace, cause?: unknown) {
    const place =
      where.guestAddress === undefined
        ? `byte ${where.fileOffset} of the file`
        : `guest address ${where.guestAddress}`;
    super(`Cannot read the qcow2 image: ${what} (${place}).`, {
      cause,
      identifiers: { what, ...where },
    });
  }
}

/** The file is not of the format that its owner declared. */
export class DiskFormatMismatch extends SnapbankError {
  static readonly when = 'An image is declared qcow2 and does not start like one.';
  static readonly remedy = 'Correct the disk_format of the image, or back the image up as opaque.';
  override readonly name = 'DiskFormatMismatch' as const;

  constructor(declaredFormat: string) {
    super(
      `The image is declared ${declaredFormat}, but does not start with the ${declaredFormat} magic.`,
      {
        identifiers: { declaredFormat },
      },
    );
  }
}

/** The order of the image file does not allow one pass; nothing is wrong with the image. */
export class NotStreamable extends SnapbankError {
  static readonly when =
    'A qcow2 image that is read in one pass keeps its data too far from the order of its guest addresses.';
  static readonly remedy =
    'Read the image again from its start as opaque, with a larger look-aside buffer, or where ranges can be read.';
  override readonly name = 'NotStreamable' as const;

  constructor(what: string, fileOffset: number) {
    super(`Cannot read the qcow2 image in one pass: ${what} (byte ${fileOffset} of the file).`, {
      identifiers: { what, fileOffset },
    });
  }
}

/** The image file gave fewer or more bytes than its size says. */
export class IncompleteImageRead extends SnapbankError {
  static readonly when =
    'A read of an image file gave fewer or more bytes than the size of the file says.';
  static readonly remedy =
    'Read again; if it persists, the size that the image service reports is wrong.';
  override readonly name = 'IncompleteImageRead' as const;

  constructor(offset: number, expectedBytes: number, actualBytes: number) {
    super(
      `Reading ${expectedBytes} bytes of the image file at byte ${offset} gave ${actualBytes} bytes.`,
      { identifiers: { offset, expectedBytes, actualBytes } },
    );
  }
}

/** The chunk map contradicts itself, so a file laid out over it would be wrong. */
export class InconsistentChunkMap extends SnapbankError {
  static readonly when = 'The bitmap of a segment and the count of its chunks disagree.';
  static readonly remedy =
    'Verify the checkpoint; its root and this segment do not belong together.';
  override readonly name = 'InconsistentChunkMap' as const;

  constructor(segment: number, what: string) {
    super(`Cannot lay out an image file: segment ${segment} ${what}.`, {
      identifiers: { segment, what },
    });
  }
}
