import { leaseKeeper } from '../bank/register/lease.ts';
import type { DiskPiece } from '../disk/disk.ts';
import { type DecodedStream, decodeStream } from '../disk/decode-stream.ts';
import { NotStreamable } from '../disk/errors.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import type { DiskSource } from './disks.ts';
import { requireTimeForOnePass } from './one-pass-limit.ts';
import { openUpload, type Upload } from './upload.ts';
import { putUploadPlan } from './upload-plan.ts';

export interface StreamedUpload {
  checkpoint: string;
  serverId: string;
  source: DiskSource;
}

const LOOK_ASIDE_BYTES = 64 * 1024 ** 2;

/**
 * Reads the whole image in one pass. Segments that an earlier pass finished are read past, not stored again. A qcow2 file whose order
 * does not allow one pass is stored as it is, byte for byte, in a second one.
 */
export async function uploadInOnePass(
  services: Services,
  target: StreamedUpload,
  { signal, remainingMilliseconds }: Call,
): Promise<void> {
  const upload = await openUpload(services, target, signal);
  const { image, source } = upload.plan;
  const { snapshotId } = source;
  const { id: imageId, sizeBytes } = image;
  const because = `the store of Glance serves no ranges of it (${upload.plan.streamReason ?? 'unknown reason'}).`;
  requireTimeForOnePass({ imageId, sizeBytes, because }, remainingMilliseconds());
  try {
    await pass(services, upload, target, { as: image.diskFormat, receipts: snapshotId }, signal);
  } catch (error) {
    if (!(error instanceof NotStreamable)) throw error;
    services.log.warn('The image cannot be decoded in one pass and is stored as an opaque file', {
      imageId: image.id,
      reason: error.message,
    });
    // Under another name: an earlier worker that is still in its pass must not mix its segments with these.
    const receipts = `${snapshotId}-opaque`;
    const opaque = await openUpload(services, { ...target, receipts }, signal);
    await pass(services, opaque, target, { as: null, receipts }, signal);
  }
}

/** How a pass understands the image file, and where its receipts lie. */
interface Understanding {
  as: string | null;
  receipts: string;
}

async function pass(
  services: Services,
  upload: Upload,
  target: StreamedUpload,
  { as: declaredFormat, receipts }: Understanding,
  signal: AbortSignal,
): Promise<void> {
  const openstack = await services.openstack();
  const { image } = upload.plan;
  const download = openstack.images.download(image.id, { signal, checkHash: true });
  const decoded = await decodeStream(download, {
    declaredFormat,
    fileSizeBytes: image.sizeBytes,
    pieceBytes: upload.pieceBytes,
    lookAsideBytes: LOOK_ASIDE_BYTES,
    signal,
  });
  const storedAll = await storePieces(services, upload, target, decoded, signal);
  const { format, guestSizeBytes } = decoded;
  await putUploadPlan(
    await services.bank(),
    target.checkpoint,
    {
      ...upload.plan,
      receipts,
      shape: { format, guestSizeBytes },
      // The hash is of this pass; segments that an earlier one stored were not part of it.
      sourceHash: storedAll ? download.sourceHash : 'unchecked',
    },
    signal,
  );
}

/** Stores all segments that no earlier pass finished; false when there were such. */
async function storePieces(
  services: Services,
  upload: Upload,
  { checkpoint, serverId }: StreamedUpload,
  { guestSizeBytes, pieces }: DecodedStream,
  signal: AbortSignal,
): Promise<boolean> {
  const keepLease = leaseKeeper(await services.register(), checkpoint);
  const { segmentBytes } = upload;
  let storedAll = true;
  const iterator = pieces[Symbol.asyncIterator]();
  const next = async (): Promise<DiskPiece | undefined> => {
    const result = await iterator.next();
    if (result.done === true) return undefined;
    const { length } = result.value;
    services.progress({
      subject: serverId,
      phase: 'upload',
      advancedBytes: length,
      totalBytes: guestSizeBytes,
    });
    return result.value;
  };
  try {
    let piece = await next();
    while (piece !== undefined) {
      await keepLease({ signal });
      const segment = Math.floor(piece.offset / segmentBytes);
      const end = (segment + 1) * segmentBytes;
      if (await upload.isFinished(segment)) {
        storedAll = false;
        while (piece !== undefined && piece.offset < end) piece = await next();
        continue;
      }
      const writer = await upload.segmentWriter(segment, guestSizeBytes);
      try {
        while (piece !== undefined && piece.offset < end) {
          await writer.write(piece);
          piece = await next();
        }
        await upload.putReceipt(await writer.finish());
      } catch (error) {
        await writer.abandon();
        throw error;
      }
    }
  } finally {
    await iterator.return?.();
  }
  return storedAll;
}
