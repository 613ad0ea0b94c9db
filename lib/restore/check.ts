import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { isZero } from '../bank/format/chunk.ts';
import type { RootDisk } from '../bank/format/root.ts';
import type { SegmentTable } from '../bank/format/segment-table.ts';
import { readSegmentTable } from '../bank/read/segments.ts';
import { decodeStream } from '../disk/decode-stream.ts';
import type { DiskPiece } from '../disk/disk.ts';
import { openDisk } from '../disk/open-disk.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import { rangesOf, SegmentRange } from '../protect/upload-plan.ts';
import type { Services } from '../services.ts';
import { diskOf, readCheckpoint } from './checkpoint-root.ts';
import { RestoreNotIdentical } from './errors.ts';
import type { RestorePlan } from './plan.ts';

/** A run of segments to be read back by ranges, or the whole image in one pass. */
export const Check = z.union([SegmentRange, z.strictObject({ reading: z.literal('stream') })]);
export type Check = z.infer<typeof Check>;

/** A restored image, and the disk that it should hold. */
interface Restored {
  imageId: string;
  disk: RootDisk;
}

const LOOK_ASIDE_BYTES = 64 * 1024 ** 2;

export async function checksOf(
  services: Services,
  plan: RestorePlan,
  imageId: string,
  signal: AbortSignal,
): Promise<Check[]> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const image = await openstack.images.show(imageId, { signal });
  const sizeBytes = await openstack.images.sizeOf(image, { signal });
  const { supported } = await openstack.images.probeRange(imageId, sizeBytes, { signal });
  if (!supported) return [{ reading: 'stream' }];
  const segmentBytes = bank.info.chunkSizeBytes * bank.info.chunksPerSegment;
  return rangesOf(Math.ceil(plan.image.guestSizeBytes / segmentBytes));
}

export interface CheckRun {
  imageId: string;
  check: Check;
  /** Called as it goes on, so that the checkpoint stays. */
  keepPin: (options: { signal: AbortSignal }) => Promise<void>;
}

/** Throws `RestoreNotIdentical` at the first chunk that differs. */
export async function checkImage(
  services: Services,
  plan: RestorePlan,
  { imageId, check, keepPin }: CheckRun,
  signal: AbortSignal,
): Promise<void> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const { content: disk } = diskOf(await readCheckpoint(bank, plan, signal), plan.disk);
  const pieces =
    'reading' in check
      ? await streamedPieces(openstack, bank, { imageId, disk }, signal)
      : await rangedPieces(openstack, bank, { imageId, disk }, check, signal);
  await compare(bank, disk, pieces, imageId, signal, async (advancedBytes) => {
    await keepPin({ signal });
    services.progress({
      subject: plan.restoreId,
      phase: 'check',
      advancedBytes,
      totalBytes: disk.guestSizeBytes,
    });
  });
}

async function rangedPieces(
  openstack: OpenStack,
  bank: Bank,
  { imageId, disk }: Restored,
  { first, count }: SegmentRange,
  signal: AbortSignal,
): Promise<AsyncIterable<DiskPiece>> {
  const image = await openstack.images.show(imageId, { signal });
  const sizeBytes = await openstack.images.sizeOf(image, { signal });
  const source = openstack.images.byteSource(imageId, sizeBytes);
  const restored = await openDisk(source, formatOf(disk, image), signal);
  requireSize(imageId, disk, restored.guestSizeBytes);
  const { chunkSizeBytes, chunksPerSegment } = bank.info;
  const segmentBytes = chunkSizeBytes * chunksPerSegment;
  const end = Math.min((first + count) * segmentBytes, disk.guestSizeBytes);
  return restored.readRange(first * segmentBytes, end, { pieceBytes: chunkSizeBytes, signal });
}

async function streamedPieces(
  openstack: OpenStack,
  bank: Bank,
  { imageId, disk }: Restored,
  signal: AbortSignal,
): Promise<AsyncIterable<DiskPiece>> {
  const image = await openstack.images.show(imageId, { signal });
  const fileSizeBytes = await openstack.images.sizeOf(image, { signal });
  const { pieces, guestSizeBytes } = await decodeStream(
    openstack.images.download(imageId, { signal }),
    {
      declaredFormat: formatOf(disk, image),
      fileSizeBytes,
      pieceBytes: bank.info.chunkSizeBytes,
      lookAsideBytes: LOOK_ASIDE_BYTES,
      signal,
    },
  );
  requireSize(imageId, disk, guestSizeBytes);
  return pieces;
}

/** An opaque disk is the bytes of the file, whatever Glance calls their format. */
function formatOf(disk: RootDisk, image: Image): string | null {
  return disk.format === 'opaque' ? null : image.diskFormat;
}

function requireSize(imageId: string, disk: RootDisk, guestSizeBytes: number): void {
  if (guestSizeBytes === disk.guestSizeBytes) return;
  throw new RestoreNotIdentical(
    `Image ${imageId} is a disk of ${String(guestSizeBytes)} bytes; the checkpoint's has ${String(disk.guestSizeBytes)}.`,
    { identifiers: { imageId } },
  );
}

async function compare(
  bank: Bank,
  disk: RootDisk,
  pieces: AsyncIterable<DiskPiece>,
  imageId: string,
  signal: AbortSignal,
  advance: (bytes: number) => Promise<void>,
): Promise<void> {
  const { chunkSizeBytes, chunksPerSegment } = bank.info;
  let segment = -1;
  let table: SegmentTable | undefined;
  for await (const piece of pieces) {
    const chunk = piece.offset / chunkSizeBytes;
    if (Math.floor(chunk / chunksPerSegment) !== segment) {
      segment = Math.floor(chunk / chunksPerSegment);
      table = await readSegmentTable(bank, disk, segment, { signal });
    }
    const index = chunk % chunksPerSegment;
    if (table === undefined || !isSame(bank, table, index, piece)) {
      throw new RestoreNotIdentical(
        `Image ${imageId} differs from the checkpoint in the ${String(piece.length)} bytes at guest address ${String(piece.offset)}.`,
        { identifiers: { imageId, offset: piece.offset } },
      );
    }
    await advance(piece.length);
  }
}

function isSame(bank: Bank, table: SegmentTable, index: number, { bytes }: DiskPiece): boolean {
  if (index >= table.chunkCount) return false;
  if (bytes === null || isZero(bytes)) return table.isHole(index);
  return table.holds(index, bank.keys.chunkId(bytes));
}
