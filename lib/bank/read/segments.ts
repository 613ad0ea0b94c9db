import type { Bank } from '../bank.ts';
import { ObjectDamaged } from '../errors.ts';
import { unwrap } from '../format/envelope.ts';
import type { RootDisk } from '../format/root.ts';
import { decodeSegment } from '../format/segment-codec.ts';
import { maxTableBytes } from '../format/segment-layout.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { SegmentTableBuilder } from '../format/segment-table-builder.ts';
import { digestOf, type ObjectRef } from '../object-ref.ts';
import type { CallOptions } from '../store/object-store.ts';

/** The object that is referred to, proven by its digest. Throws `ObjectNotFound`, `ObjectDamaged`. */
export async function readReferredObject(
  { places }: Bank,
  ref: Pick<ObjectRef, 'key' | 'digest'>,
  options?: CallOptions,
): Promise<Uint8Array> {
  const bytes = await places.bank.get(ref.key, options);
  if (digestOf(bytes) !== ref.digest) {
    throw new ObjectDamaged(
      `The object ${ref.key} in ${places.bank.location} is not what was written: its digest differs.`,
      { identifiers: { key: ref.key } },
    );
  }
  return bytes;
}

/**
 * What a segment of a checkpoint's disk consists of, proven against the root.
 * Throws `ObjectNotFound` or `ObjectDamaged`; `RangeError` for a segment that the disk does not have.
 */
export async function readSegmentTable(
  bank: Bank,
  disk: Pick<RootDisk, 'disk' | 'segments'>,
  segment: number,
  options?: CallOptions,
): Promise<SegmentTable> {
  const ref = disk.segments[segment];
  if (ref === undefined) throw new RangeError(`Disk ${disk.disk} has no segment ${segment}.`);
  const { object, chunkCount } = ref;
  if (object === null) return new SegmentTableBuilder(disk.disk, segment, chunkCount).table();

  const stored = await readReferredObject(bank, object, options);
  const context = { kind: 'segment', key: object.key } as const;
  const plain = await unwrap(bank.keys, context, stored, maxTableBytes(chunkCount));
  const { chunkSizeBytes } = bank.info;
  const expected = { key: object.key, disk: disk.disk, segment, chunkCount, chunkSizeBytes };
  const table = decodeSegment(plain, expected);
  if (table.hash() !== ref.hash || table.nonHoleCount !== ref.nonHoleCount) {
    throw new ObjectDamaged(`The segment ${object.key} is not the one that the root describes.`, {
      identifiers: { key: object.key },
    });
  }
  return table;
}
