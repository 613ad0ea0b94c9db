import { SnapbankError } from '../errors.ts';

/** Something that the server needs does not exist where it is to be restored. */
export class RestoreNotPossible extends SnapbankError {
  static readonly when =
    'A flavor or a network that the server needs does not exist in the project, the disk does not fit, or its volumes have no place: the cloud has no Cinder, or the quota is exhausted.';
  static readonly remedy =
    'Give what the message says for each (--map, --flavor, --network), or restore the root disk alone with --without-volumes, or its image with --image-only; --plan shows the same list and makes nothing.';
  override readonly name = 'RestoreNotPossible' as const;
}

/** The image that Glance gives back is not the disk of the checkpoint. */
export class RestoreNotIdentical extends SnapbankError {
  static readonly when = 'The restored image, read back from Glance, differs from the checkpoint.';
  static readonly remedy =
    'The image was removed again. Verify the checkpoint, check the store of Glance, then restore once more.';
  override readonly name = 'RestoreNotIdentical' as const;
}

/** Glance did not take the image. */
export class ImportFailed extends SnapbankError {
  static readonly when = 'Glance could not fetch the image file, or refused it.';
  static readonly remedy =
    'Use --import stream where Glance cannot reach the store; otherwise see the message of the import task.';
  override readonly name = 'ImportFailed' as const;
}

/** A server that was restored as a proof is ACTIVE and does not show what it should. */
export class BootNotProven extends SnapbankError {
  static readonly when =
    'A server that was restored to prove its checkpoint did not show the wanted text on its console in time.';
  static readonly remedy =
    'Look whether the original shows that text (openstack console log show SERVER), give it more time with --boot-seconds, or restore the server and look at it.';
  override readonly name = 'BootNotProven' as const;
}

/** Cinder did not make a volume of the image. */
export class VolumeNotRestored extends SnapbankError {
  static readonly when =
    'A volume that was to be made of a restored image went to an error state, or vanished.';
  static readonly remedy =
    'See the messages of Cinder (openstack volume message list): often the space of the back end, or an image that it cannot convert. Everything was removed again; try once more with --format raw.';
  override readonly name = 'VolumeNotRestored' as const;
}

/** What a restore has made is not gone yet. */
export class RemovalUnfinished extends SnapbankError {
  static readonly when =
    'Volumes of a restore that is taken back are still there: Nova or Cinder works on them.';
  static readonly remedy =
    'None is needed while the restore runs: it asks again. What is left in the end is removed by the sweep of the next backup; a volume in error_deleting needs an administrator of the cloud.';
  override readonly name = 'RemovalUnfinished' as const;
}

/** Nova could not start the restored server. */
export class ServerNotStarted extends SnapbankError {
  static readonly when = 'The restored server went to ERROR, vanished, or was not ACTIVE in time.';
  static readonly remedy =
    'See the fault that the message names (quota, no valid host); restore again, with another --flavor if need be.';
  override readonly name = 'ServerNotStarted' as const;
}
