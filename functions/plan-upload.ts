import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import type { Image } from '../lib/openstack/image.ts';
import { openDisk } from '../lib/disk/open-disk.ts';
import { handlerOf } from '../lib/handler.ts';
import { describeImage } from '../lib/protect/describe-image.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { ImageNotReady } from '../lib/protect/errors.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { CHECKPOINT_PROPERTY, STATUS_PROPERTY } from '../lib/protect/marks.ts';
import { refuseVolumeBackedImage } from '../lib/protect/snapshot.ts';
import { putUploadPlan, rangesOf, type UploadPlan } from '../lib/protect/upload-plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Proves whether the image can be read in ranges, opens its disk, and cuts it into ranges of segments. */
export const planUpload = stateFunction({
  name: 'PlanUpload',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    source: DiskSource,
    /** The image to read: of a volume it is a copy of the snapshot. */
    imageId: z.string(),
  }),
  async run(services, { checkpoint, serverId, source, imageId }, { signal }) {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    await renewLease(await services.register(), checkpoint, { signal });
    const image = await openstack.images.show(imageId, { signal });
    if (image.status !== 'active') {
      throw new ImageNotReady(
        `Image ${imageId} of server ${serverId} is ${image.status}, not active.`,
        { identifiers: { imageId, serverId } },
      );
    }
    refuseVolumeBackedImage(image, serverId);
    const sizeBytes = await openstack.images.sizeOf(image, { signal });
    const ranges = await openstack.images.probeRange(imageId, sizeBytes, { signal });
    const disk = ranges.supported
      ? await openDisk(openstack.images.byteSource(imageId, sizeBytes), image.diskFormat, signal)
      : null;
    const plan: UploadPlan = {
      source,
      reading: ranges.supported ? 'ranges' : 'stream',
      streamReason: ranges.supported ? null : ranges.reason,
      image: describeImage(image, { kind: kindOf(image, source), sizeBytes }),
      shape: disk === null ? null : { format: disk.format, guestSizeBytes: disk.guestSizeBytes },
      receipts: source.snapshotId,
      sourceHash: 'unchecked',
      serverStatus: image.properties[STATUS_PROPERTY] ?? null,
    };
    await putUploadPlan(bank, checkpoint, plan, signal);
    const segmentBytes = bank.info.chunkSizeBytes * bank.info.chunksPerSegment;
    return {
      reading: plan.reading,
      ranges: disk === null ? [] : rangesOf(Math.ceil(disk.guestSizeBytes / segmentBytes)),
      rangesAtOnce: services.settings.rangesAtOnce,
      fitsFunction: sizeBytes <= services.settings.functionPassBytes,
      /** For those who watch; known only with ranges. */
      guestSizeBytes: disk?.guestSizeBytes ?? null,
    };
  },
});

/** A boot image bears no mark; a copy of a volume is always one of a snapshot. */
function kindOf({ properties }: Image, { volumeId }: DiskSource): 'snapshot' | 'boot-image' {
  return volumeId === null && properties[CHECKPOINT_PROPERTY] === undefined
    ? 'boot-image'
    : 'snapshot';
}

export const handler = handlerOf(planUpload);
