import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { leaseKeeper } from '../lib/bank/register/lease.ts';
import { openDisk } from '../lib/disk/open-disk.ts';
import { handlerOf } from '../lib/handler.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { RangeUnfinished } from '../lib/protect/errors.ts';
import { openUpload } from '../lib/protect/upload.ts';
import { SegmentRange } from '../lib/protect/upload-plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** A segment is 1 GiB at most: 16 s at the 70 MB/s that one Lambda reads, and three times that in bad times. */
const TIME_FOR_A_SEGMENT_MILLISECONDS = 60_000;

/** Reads a run of segments from the image and stores what the bank does not hold; finished ones are skipped. */
export const uploadRange = stateFunction({
  name: 'UploadRange',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    source: DiskSource,
    range: SegmentRange,
  }),
  async run(services, { checkpoint, serverId, source, range }, { signal, remainingMilliseconds }) {
    const openstack = await services.openstack();
    const upload = await openUpload(services, { checkpoint, source }, signal);
    const keepLease = leaseKeeper(await services.register(), checkpoint);
    const { image } = upload.plan;
    const bytes = openstack.images.byteSource(image.id, image.sizeBytes);
    const disk = await openDisk(bytes, image.diskFormat, signal);
    const { pieceBytes, segmentBytes } = upload;
    let written = 0;
    for (let segment = range.first; segment < range.first + range.count; segment += 1) {
      await keepLease({ signal });
      const start = segment * segmentBytes;
      const end = Math.min(start + segmentBytes, disk.guestSizeBytes);
      const advance = (advancedBytes: number) => {
        services.progress({
          subject: serverId,
          phase: 'upload',
          advancedBytes,
          totalBytes: disk.guestSizeBytes,
        });
      };
      if (await upload.isFinished(segment)) {
        advance(end - start);
        continue;
      }
      if (remainingMilliseconds() < TIME_FOR_A_SEGMENT_MILLISECONDS) {
        throw new RangeUnfinished(
          `Segment ${String(segment)} of checkpoint ${checkpoint} is left for the next worker.`,
          { identifiers: { checkpoint, segment } },
        );
      }
      const writer = await upload.segmentWriter(segment, disk.guestSizeBytes);
      try {
        for await (const piece of disk.readRange(start, end, { pieceBytes, signal })) {
          await writer.write(piece);
          advance(piece.length);
        }
        await upload.putReceipt(await writer.finish());
      } catch (error) {
        await writer.abandon();
        throw error;
      }
      written += 1;
    }
    return { written };
  },
});

export const handler = handlerOf(uploadRange);
