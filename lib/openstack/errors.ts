import { SnapbankError } from '../errors.ts';
import type { SnapbankErrorOptions } from '../errors.ts';

/** Trying again later may work; by what the service said, not before `retryAfterMs` from now. */
export abstract class PassingError extends SnapbankError {
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: SnapbankErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Passing: the cloud or the way to it. */
export class OpenStackUnavailable extends PassingError {
  static readonly when =
    'A service of the cloud cannot be reached, answers with a server error, or stops answering in the middle.';
  static readonly remedy =
    'Try again later; if it stays, look at the service and the way to it (address, certificate, proxy, firewall).';
  override readonly name = 'OpenStackUnavailable' as const;
}

/** Passing: rate limit. */
export class TooManyRequests extends PassingError {
  static readonly when = 'The cloud limits the rate of requests (429) and kept doing so.';
  static readonly remedy = 'Try again later, or back up fewer servers at once.';
  override readonly name = 'TooManyRequests' as const;
}

export class AuthenticationFailed extends SnapbankError {
  static readonly when =
    'Keystone does not accept the credentials, or a service rejects a fresh token.';
  static readonly remedy =
    'Check id and secret of the application credential, that it has not expired, and that its user and role assignment still exist.';
  override readonly name = 'AuthenticationFailed' as const;
}

export class Forbidden extends SnapbankError {
  static readonly when = 'A policy of the cloud does not allow this call to these credentials.';
  static readonly remedy =
    "Give the credentials the member role (reader does not suffice to download images), or look at the application credential's access rules.";
  override readonly name = 'Forbidden' as const;
}

export class EndpointNotFound extends SnapbankError {
  static readonly when =
    "Keystone's catalogue has no endpoint of the service for this interface and region.";
  static readonly remedy =
    'Set OS_REGION_NAME and OS_INTERFACE (region_name and interface in clouds.yaml) to one of those that the message lists.';
  override readonly name = 'EndpointNotFound' as const;
}

/** The request as such is refused; repeating it changes nothing. */
export class RequestRefused extends SnapbankError {
  static readonly when = 'A service refuses a request as invalid or conflicting.';
  static readonly remedy = 'Read what the service says in the message.';
  override readonly name = 'RequestRefused' as const;
}

export class UnexpectedAnswer extends SnapbankError {
  static readonly when = 'What answers is not the OpenStack API that was asked for.';
  static readonly remedy =
    'Check the authentication URL and the endpoints (a login page or proxy may answer in their place).';
  override readonly name = 'UnexpectedAnswer' as const;
}

export class QuotaExceeded extends SnapbankError {
  static readonly when =
    "A quota of the project (images, their bytes, servers, cores, ports, …) or a service's size limit is exhausted.";
  static readonly remedy = 'Remove what is not needed or have the quota raised, then try again.';
  override readonly name = 'QuotaExceeded' as const;
}

export class ServerNotFound extends SnapbankError {
  static readonly when = 'Nova knows no such server in this project.';
  static readonly remedy =
    'Check the id, the project and the region; a deleted server can be restored from its checkpoints.';
  override readonly name = 'ServerNotFound' as const;
}

/** Passing: Nova is doing something else with the server. */
export class ServerBusy extends SnapbankError {
  static readonly when = 'Nova works on another task of the server.';
  static readonly remedy = 'Try again when the task that the message names has ended.';
  override readonly name = 'ServerBusy' as const;
}

/** Passing. Nova made an image and then found the server at work for somebody else: it never fills that image. */
export class SnapshotRaced extends SnapbankError {
  static readonly when =
    'Somebody else asked Nova for a task of the server, such as a snapshot, in the same moment as this snapshot, and came first.';
  static readonly remedy =
    'None at first: it is tried again. If it stays, let nothing else snapshot the server while it is backed up.';
  override readonly name = 'SnapshotRaced' as const;
}

export class ServerInWrongState extends SnapbankError {
  static readonly when = "The server's state does not allow the action.";
  static readonly remedy =
    'Bring the server into a state that allows it (a snapshot wants ACTIVE, SHUTOFF, PAUSED or SUSPENDED), then try again.';
  override readonly name = 'ServerInWrongState' as const;
}

export class VolumeNotFound extends SnapbankError {
  static readonly when = 'Cinder knows no such volume in this project.';
  static readonly remedy = 'Check whether the volume was deleted meanwhile, then back up again.';
  override readonly name = 'VolumeNotFound' as const;
}

export class ImageNotFound extends SnapbankError {
  static readonly when =
    'Glance knows no such image in this project; Nova deletes the image of a snapshot that failed.';
  static readonly remedy =
    "Look at the server's actions (openstack server event list) for the reason.";
  override readonly name = 'ImageNotFound' as const;
}

export class ImageInWrongState extends SnapbankError {
  static readonly when =
    "The image's status does not allow the call (data can be given only to a queued image).";
  static readonly remedy = 'Make a new image and try again.';
  override readonly name = 'ImageInWrongState' as const;
}

export class ImageHasNoData extends SnapbankError {
  static readonly when =
    'The image is not active, or deactivated: it has no data that could be read.';
  static readonly remedy = 'Wait until the image is active, or have it reactivated.';
  override readonly name = 'ImageHasNoData' as const;
}

export class ImageSizeUnknown extends SnapbankError {
  static readonly when =
    'Glance shows an active image without a size, and its download announces none either.';
  static readonly remedy =
    'Have the operator correct the image (a location that was added without its size), or make a new one of it.';
  override readonly name = 'ImageSizeUnknown' as const;
}

export class ImageInUse extends SnapbankError {
  static readonly when = 'Glance refuses to delete an image because something still depends on it.';
  static readonly remedy =
    'Delete the servers and volumes made from it first (Ceph clones its images).';
  override readonly name = 'ImageInUse' as const;
}

export class ImageProtected extends SnapbankError {
  static readonly when = 'An image that is to be deleted is protected.';
  static readonly remedy = 'Unprotect it: openstack image set --unprotected ID.';
  override readonly name = 'ImageProtected' as const;
}

export class ImageRefused extends SnapbankError {
  static readonly when =
    'Glance does not take the data: it does not fit the disk format or fails a safety check.';
  static readonly remedy = 'Restore in another disk format (raw or qcow2).';
  override readonly name = 'ImageRefused' as const;
}

export class RangeNotSupported extends SnapbankError {
  static readonly when =
    'The store of the image cannot be read in ranges, or claims it and sends everything.';
  static readonly remedy = 'Back up again: the image is then read in one pass.';
  override readonly name = 'RangeNotSupported' as const;
}

/** Passing, unless the image itself is damaged. */
export class ImageTruncated extends SnapbankError {
  static readonly when =
    'Fewer bytes of an image arrived than it has, and the rest could not be asked for.';
  static readonly remedy = 'Try again; if it stays, the image in Glance is damaged.';
  override readonly name = 'ImageTruncated' as const;
}

export class ChecksumMismatch extends SnapbankError {
  static readonly when = "The bytes of an image do not have Glance's own hash of it.";
  static readonly remedy = 'Try again; if it stays, the image in Glance is damaged.';
  override readonly name = 'ChecksumMismatch' as const;
}
