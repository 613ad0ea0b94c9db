import type { Bank } from './bank.ts';
import { ObjectDamaged } from './errors.ts';
import { unwrap, wrap } from './format/envelope.ts';
import { Root } from './format/root.ts';
import { chunksOfSegment, segmentCountOf } from './geometry.ts';
import { retentionOf } from './lock.ts';
import { newAttempt, rootKey } from './object-keys.ts';
import { digestOf } from './object-ref.ts';
import { readReferredObject } from './read/segments.ts';
import type { RootReference } from './register/record.ts';
import type { CallOptions } from './store/object-store.ts';
import { FORMAT_VERSION } from './format-version.ts';

/** Enough for 100 TB, and little enough to be refused before memory runs out. */
const MAX_ROOT_BYTES = 256 * 1024 * 1024;

/** Stores a root under a name of its own. It counts from the moment its record is committed. */
export async function putRoot(
  bank: Bank,
  root: Root,
  options?: CallOptions,
): Promise<RootReference> {
  const { places, keys } = bank;
  const key = rootKey(root.checkpoint, newAttempt());
  const bytes = await wrap(keys, { kind: 'root', key }, Buffer.from(JSON.stringify(root)));
  await places.bank.put(key, bytes, { ...options, retention: retentionOf(bank) });
  return { key, digest: digestOf(bytes) };
}

/**
 * The root that a record names. Throws `ObjectNotFound`, `ObjectDamaged`; `KeyMissing` when it was sealed in an epoch that the
 * credential does not cover.
 */
export async function readRoot(
  bank: Bank,
  ref: RootReference,
  options?: CallOptions,
): Promise<Root> {
  const bytes = await readReferredObject(bank, ref, options);
  const context = { kind: 'root', key: ref.key } as const;
  const plain = await unwrap(bank.keys, context, bytes, MAX_ROOT_BYTES);
  let root: Root;
  try {
    root = Root.parse(JSON.parse(plain.toString('utf8')));
  } catch (error) {
    throw damaged(ref, `it is no root of version ${FORMAT_VERSION}`, error);
  }
  const { bankId, chunkSizeBytes, chunksPerSegment } = bank.info;
  if (root.bankId !== bankId) throw damaged(ref, 'it is of another bank');
  if (!ref.key.startsWith(`roots/${root.checkpoint}-`)) throw damaged(ref, 'it was renamed');
  if (root.chunkSizeBytes !== chunkSizeBytes || root.chunksPerSegment !== chunksPerSegment) {
    throw damaged(ref, 'its chunks are not of the size of the bank');
  }
  for (const disk of root.disks) {
    const geometry = { guestSizeBytes: disk.guestSizeBytes, chunkSizeBytes, chunksPerSegment };
    const whole =
      disk.segments.length === segmentCountOf(geometry) &&
      disk.segments.every(
        ({ object, chunkCount, nonHoleCount }, segment) =>
          chunkCount === chunksOfSegment(geometry, segment) &&
          nonHoleCount <= chunkCount &&
          (object === null) === (nonHoleCount === 0),
      );
    if (!whole) throw damaged(ref, `the segments of disk ${disk.disk} do not fit its size`);
  }
  return root;
}

function damaged({ key }: { key: string }, why: string, cause?: unknown): ObjectDamaged {
  return new ObjectDamaged(`The root ${key} is not what was written: ${why}.`, {
    cause,
    identifiers: { key },
  });
}
