import { SnapbankError } from '../errors.ts';

/** The server's root disk is a Cinder volume, which a server snapshot does not contain. */
export class VolumeBootedServer extends SnapbankError {
  static readonly when = 'The server boots from a volume, so a snapshot image of it holds no data.';
  static readonly remedy =
    'Back its volumes up too (--include-volumes, include_volumes in the input), or leave the server out of the selection; nothing was snapshotted.';
  override readonly name = 'VolumeBootedServer' as const;
}

/** Passing: the server's compute host has enough to do. */
export class HostBusy extends SnapbankError {
  static readonly when =
    "The server's compute host is making as many snapshots as SNAPBANK_SNAPSHOTS_PER_HOST allows.";
  static readonly remedy =
    'None at first: it is tried again. If it stays, back up fewer servers at once or at another time, or raise SNAPBANK_SNAPSHOTS_PER_HOST together with max_concurrent_snapshots of Nova.';
  override readonly name = 'HostBusy' as const;
}

/** The selection is valid, and no server is in it. */
export class NoServerSelected extends SnapbankError {
  static readonly when =
    'No server of the project carries all of the given tags, or has a given name.';
  static readonly remedy =
    'See names and tags in `snapbank protectables` (of a server that is gone, take its id or leave it out); add a tag with `openstack server set --tag TAG SERVER`.';
  override readonly name = 'NoServerSelected' as const;
}

/** A volume of which no copy can be made, or none that could be brought back. */
export class VolumeNotProtectable extends SnapbankError {
  static readonly when =
    'An attached volume is encrypted, attached to several servers, in error, or not shown by Cinder.';
  static readonly remedy =
    'Detach it, bring it into order, or back the server up without --include-volumes and the volume by other means.';
  override readonly name = 'VolumeNotProtectable' as const;
}

/** Cinder gave up the snapshot of a volume. */
export class VolumeSnapshotFailed extends SnapbankError {
  static readonly when = 'The snapshot of an attached volume ended in error or vanished.';
  static readonly remedy =
    'See openstack volume message list and the log of cinder-volume (space, a driver that cannot snapshot volumes in use), then back up again; --stop helps with some drivers.';
  override readonly name = 'VolumeSnapshotFailed' as const;
}

/** Cinder could not make a volume out of the snapshot, or an image out of that volume. */
export class VolumeCopyFailed extends SnapbankError {
  static readonly when =
    "The temporary volume made of a volume's snapshot, or the image made of it, ended in error or vanished.";
  static readonly remedy =
    'See openstack volume message list (quota of volumes, gigabytes or images, space in the back end or for conversions), then back up again.';
  override readonly name = 'VolumeCopyFailed' as const;
}

/** Nova gave up the snapshot. */
export class SnapshotFailed extends SnapbankError {
  static readonly when = 'The snapshot image vanished or was killed.';
  static readonly remedy =
    'See the server action that the message names (quota, disk space of the compute host), then back up again.';
  override readonly name = 'SnapshotFailed' as const;
}

/** Passing: Nova forgot the snapshot without a word. */
export class SnapshotLost extends SnapbankError {
  static readonly when =
    'The snapshot image is not done, and Nova no longer works on it: somebody else asked for a snapshot of the server in the same moment, or the compute service was restarted.';
  static readonly remedy =
    'None at first: the image is deleted and another one asked for, some times. If it stays, let nothing else snapshot the server while it is backed up, and look at the log of nova-compute.';
  override readonly name = 'SnapshotLost' as const;
}

/** There is nothing to read yet. */
export class ImageNotReady extends SnapbankError {
  static readonly when = 'The image to back up is not active.';
  static readonly remedy = 'Wait until the image is active, or back up with a server snapshot.';
  override readonly name = 'ImageNotReady' as const;
}

/** A worker stopped in good order because its time was nearly over. */
export class RangeUnfinished extends SnapbankError {
  static readonly when = 'A worker ran short of time; finished parts are kept.';
  static readonly remedy = 'None: the state machine starts the next worker, which goes on there.';
  override readonly name = 'RangeUnfinished' as const;
}

/** A locked bank would hold a checkpoint that is not locked as long as the bank promises. */
export class CheckpointNotLocked extends SnapbankError {
  static readonly when =
    'In a locked bank, what a checkpoint refers to was not locked for as long as the bank promises, or nothing says that it was.';
  static readonly remedy =
    'Back the server up again. If it comes again, look whether the clocks of functions and store differ, and whether the work place loses objects.';
  override readonly name = 'CheckpointNotLocked' as const;
}

/** The image must pass through one function, whose time does not suffice. */
export class ImageTooLarge extends SnapbankError {
  static readonly when =
    "An image must be read in one pass, because the store of Glance refuses ranges, or streamed into Glance, or compared so, and one function's time does not suffice.";
  static readonly remedy =
    'Give the stack containers (docs/aws.md), or run the snapbank command on a computer near the cloud, with the same bank: neither has such a limit. For a restore, use web-download where Glance can reach the store.';
  override readonly name = 'ImageTooLarge' as const;
}

/**
 * At least one server of the run has no new checkpoint. The backup machine's Fail state names it.
 * @public
 */
export class BackupIncomplete extends SnapbankError {
  static readonly when = 'One or more servers could not be backed up; the others were.';
  static readonly remedy =
    'See the error of each failed server in the summary, then back those up again.';
  override readonly name = 'BackupIncomplete' as const;
}
