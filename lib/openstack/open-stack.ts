import type { ByteSource } from '../disk/disk.ts';
import type {
  Image,
  ImageDownload,
  ImageFilter,
  ImageTask,
  NewImage,
  RangeSupport,
} from './image.ts';
import type { Network, Port, SecurityGroup, Subnet } from './network-shapes.ts';
import type {
  CreatedServer,
  InstanceAction,
  NewServer,
  Server,
  ServerFilter,
  Snapshot,
  SnapshotRequest,
  VolumeAttachment,
} from './server.ts';
import type {
  MetadataFilter,
  NewVolume,
  NewVolumeSnapshot,
  Volume,
  VolumeQuota,
  VolumeSnapshot,
} from './volume.ts';

/**
 * What snapbank uses of an OpenStack cloud, seen by one project in one region. The first call authenticates.
 *
 * Every call may throw the transient `OpenStackUnavailable` and `TooManyRequests` (calls that are safe to repeat have been repeated
 * before), and `AuthenticationFailed`, `Forbidden`, `EndpointNotFound`, `RequestRefused`, `UnexpectedAnswer`. What a call throws
 * beside these is said with it.
 */
export interface OpenStack {
  identity(options?: CallOptions): Promise<Identity>;
  /** How far the cloud's clock was ahead of this one at the last login; null where it does not show. */
  clockAheadMs(options?: CallOptions): Promise<number | null>;
  readonly servers: Servers;
  readonly images: Images;
  readonly flavors: Flavors;
  readonly keypairs: KeyPairs;
  readonly network: Networking;
  readonly volumes: Volumes;
  /** Closes the connections that are kept alive, so that a process can end. */
  close(): void;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface Identity {
  /** Host and path of the authentication URL without its version: `keystone.example.org/identity`. Names the cloud in checkpoints. */
  readonly cloud: string;
  readonly region: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly userId: string;
}

export interface Servers {
  /** All pages. With several conditions in the filter all must hold. */
  list(filter?: ServerFilter, options?: CallOptions): AsyncIterable<Server>;
  /** Throws `ServerNotFound`. */
  show(serverId: string, options?: CallOptions): Promise<Server>;
  /**
   * Asks Nova to snapshot the root disk into a new image. **Not idempotent and never repeated here**: after an error other than a
   * refusal an image may exist all the same; look for it by its metadata. Throws `ServerNotFound`, `ServerBusy` (try again later),
   * `SnapshotRaced` (again, and an image is left that nobody fills), `ServerInWrongState` (final), `QuotaExceeded`.
   */
  createImage(serverId: string, request: SnapshotRequest, options?: CallOptions): Promise<Snapshot>;
  /** What was asked of a server, the newest first; undefined where Nova does not know the server or does not show them to this user. */
  instanceActions(
    serverId: string,
    options?: CallOptions,
  ): Promise<readonly InstanceAction[] | undefined>;
  /** What became of an action, with its events; undefined when Nova has no record of that request. */
  instanceAction(
    serverId: string,
    requestId: string,
    options?: CallOptions,
  ): Promise<InstanceAction | undefined>;
  /** Throws `ServerNotFound`. */
  volumeAttachments(serverId: string, options?: CallOptions): Promise<readonly VolumeAttachment[]>;
  /** Not idempotent and never repeated here. Throws `QuotaExceeded`, `RequestRefused` (which names what Nova dislikes). */
  create(server: NewServer, options?: CallOptions): Promise<CreatedServer>;
  /** Idempotent: a server that is not there counts as deleted. Nova ends the deletion later. Throws `ServerBusy`, `ServerInWrongState`. */
  delete(serverId: string, options?: CallOptions): Promise<void>;
  /** Throws `ServerNotFound`, `ServerBusy`, `ServerInWrongState` (it runs already). */
  start(serverId: string, options?: CallOptions): Promise<void>;
  /** Throws `ServerNotFound`, `ServerBusy`, `ServerInWrongState` (it is stopped already). */
  stop(serverId: string, options?: CallOptions): Promise<void>;
  /** The last lines of the console, all of it without `lines`. Throws `ServerNotFound`, `ServerInWrongState`. */
  consoleOutput(serverId: string, options?: CallOptions & { lines?: number }): Promise<string>;
}

export interface Images {
  /** Throws `ImageNotFound`, which is also what a failed snapshot looks like. */
  show(imageId: string, options?: CallOptions): Promise<Image>;
  /** All pages. */
  list(filter?: ImageFilter, options?: CallOptions): AsyncIterable<Image>;
  /** A new private image, `queued`. The id is chosen here, so a repeated call after a lost answer makes no second one. Throws `QuotaExceeded`. */
  create(image: NewImage, options?: CallOptions): Promise<Image>;
  /**
   * Sends the data of a `queued` image in one pass, with backpressure. `body` is destroyed on failure, and the image falls back to
   * `queued`. With `sizeBytes` the length is announced and checked. Throws `ImageNotFound`, `ImageInWrongState`, `QuotaExceeded`,
   * `ImageRefused` (its content does not fit its format).
   */
  upload(
    imageId: string,
    body: AsyncIterable<Uint8Array>,
    options?: CallOptions & { sizeBytes?: number },
  ): Promise<void>;
  /** Idempotent: an image that is not there counts as deleted. Throws `ImageInUse` after repeated refusals, `ImageProtected`. */
  delete(imageId: string, options?: CallOptions): Promise<void>;
  /** Methods of `POST /import` that this Glance allows: `web-download`, `glance-direct`, …; empty where it has none. */
  importMethods(options?: CallOptions): Promise<readonly string[]>;
  /**
   * Lets Glance fetch the data of a `queued` image from `url`, which is a secret and never shown. Answers at once; the image's status
   * and tasks tell how it goes. Throws `ImageNotFound`, `ImageInWrongState`, `RequestRefused` (host, port or scheme not allowed).
   */
  importWebDownload(imageId: string, url: string, options?: CallOptions): Promise<void>;
  /** Newest first; empty where Glance has no such call. */
  tasks(imageId: string, options?: CallOptions): Promise<readonly ImageTask[]>;
  /**
   * The bytes of the image's file: what the image says, else what a download announces. Throws `ImageNotFound`, `ImageHasNoData`,
   * `ImageSizeUnknown`.
   */
  sizeOf(image: Image, options?: CallOptions): Promise<number>;
  /** Asks for a few bytes in the middle and believes only proof. Throws `ImageNotFound`. */
  probeRange(imageId: string, sizeBytes: number, options?: CallOptions): Promise<RangeSupport>;
  /**
   * Exactly the bytes `[offset, offset + length)`; goes on inside the range after a cut. Throws `ImageNotFound`,
   * `RangeNotSupported`, `ImageTruncated` (the image ends before), `ImageHasNoData`.
   */
  read(imageId: string, offset: number, length: number, options?: CallOptions): Promise<Uint8Array>;
  /** The image as a disk's bytes, read by `read`; for images whose ranges are proven. */
  byteSource(imageId: string, sizeBytes: number): ByteSource;
  /**
   * The whole image in one pass. After a cut it goes on by Range where `probeRange` proves it, else throws `ImageTruncated` (transient:
   * begin again). The number of bytes is always checked against the image's size; with `checkHash` also Glance's own hash, if there
   * is one (`ChecksumMismatch`). Throws `ImageNotFound`, `ImageHasNoData`.
   */
  download(imageId: string, options?: CallOptions & { checkHash?: boolean }): ImageDownload;
}

export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly ramMiB: number;
  readonly diskGiB: number;
  readonly ephemeralGiB: number;
  readonly swapMiB: number;
  readonly disabled: boolean;
  /** Null where Nova does not show them (below 2.61, or by policy). */
  readonly extraSpecs: Readonly<Record<string, string>> | null;
}

export interface Flavors {
  /** Public ones and those that this project was given; all pages. */
  list(options?: CallOptions): Promise<readonly Flavor[]>;
  /** Undefined when there is none of this id for this project. */
  show(flavorId: string, options?: CallOptions): Promise<Flavor | undefined>;
}

export interface KeyPair {
  readonly name: string;
  readonly fingerprint: string | null;
  readonly publicKey: string | null;
}

export interface KeyPairs {
  /** Key pairs belong to users: undefined when *this* user has none of this name. */
  show(name: string, options?: CallOptions): Promise<KeyPair | undefined>;
  /** Names of the first thousand that this user has. */
  names(options?: CallOptions): Promise<readonly string[]>;
}

export interface Networking {
  /** All networks that this project can see. */
  networks(options?: CallOptions): Promise<readonly Network[]>;
  /** Those of a network that Neutron shows to this project. */
  subnets(networkId: string, options?: CallOptions): Promise<readonly Subnet[]>;
  securityGroups(options?: CallOptions): Promise<readonly SecurityGroup[]>;
  /** In the order in which they were made, which is that of the server's interfaces unless some were exchanged later. */
  portsOfServer(serverId: string, options?: CallOptions): Promise<readonly Port[]>;
  /** Ports (of any project, as far as Neutron shows them) that hold one of the addresses, in that network if one is given. */
  portsWithFixedIp(
    query: { ipAddresses: readonly string[]; networkId?: string },
    options?: CallOptions,
  ): Promise<readonly Port[]>;
}

export interface Volumes {
  /** Undefined when there is no such volume, or no block storage service in this cloud. */
  show(volumeId: string, options?: CallOptions): Promise<Volume | undefined>;
  /** All pages; nothing where the cloud has no block storage service, as with the other lists. */
  list(filter?: MetadataFilter, options?: CallOptions): AsyncIterable<Volume>;
  /** Not idempotent and never repeated here: look for it by its metadata first. Throws `QuotaExceeded`. */
  create(volume: NewVolume, options?: CallOptions): Promise<Volume>;
  /** Idempotent; Cinder ends the deletion later. Refused (`RequestRefused`) while the volume is in use or being read. */
  delete(volumeId: string, options?: CallOptions): Promise<void>;
  /** Adds to what Cinder knows of the volume's image; images made of the volume inherit it. Throws `VolumeNotFound`. */
  setImageMetadata(
    volumeId: string,
    metadata: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<void>;
  /** Throws `VolumeNotFound`. */
  setBootable(volumeId: string, bootable: boolean, options?: CallOptions): Promise<void>;
  /**
   * Copies an `available` volume into a new image, `raw`; the image's status tells how it goes. Not idempotent and never repeated here.
   * Returns the image's id. Throws `VolumeNotFound`, `QuotaExceeded`.
   */
  uploadToImage(volumeId: string, image: { name: string }, options?: CallOptions): Promise<string>;
  /** All pages. */
  listSnapshots(filter?: MetadataFilter, options?: CallOptions): AsyncIterable<VolumeSnapshot>;
  /** Also of a volume in use. Not idempotent and never repeated here. Throws `VolumeNotFound`, `QuotaExceeded`. */
  createSnapshot(snapshot: NewVolumeSnapshot, options?: CallOptions): Promise<VolumeSnapshot>;
  /** Idempotent; Cinder ends the deletion later. Refused (`RequestRefused`) while volumes are being made of it. */
  deleteSnapshot(snapshotId: string, options?: CallOptions): Promise<void>;
  /** Names of the volume types that this project may use. */
  typeNames(options?: CallOptions): Promise<readonly string[]>;
  /** What the project may still make; undefined where the cloud has no block storage service. */
  freeQuota(options?: CallOptions): Promise<VolumeQuota | undefined>;
}
