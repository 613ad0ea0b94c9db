/** A server as Nova shows it to this user. Keys that the negotiated microversion or a policy leaves out have the value said here. */
export interface Server {
  readonly id: string;
  /** Empty in an incomplete record. */
  readonly name: string;
  /** Nova's word: ACTIVE, SHUTOFF, PAUSED, SUSPENDED, BUILD, ERROR, …; UNKNOWN in an incomplete record. */
  readonly status: string;
  readonly vmState: string | null;
  /** What Nova does with it now (`image_snapshot`, `spawning`, …), null when nothing. */
  readonly taskState: string | null;
  /** The image it boots from; null when it boots from a volume, or in an incomplete record. */
  readonly imageId: string | null;
  /**
   * True for the skeleton that Nova lists while the server's cell is down (from 2.69): only id, project, creation time and status
   * UNKNOWN are known, everything else is empty and must not be believed.
   */
  readonly incomplete: boolean;
  readonly flavor: ServerFlavor;
  readonly metadata: Readonly<Record<string, string>>;
  /** Empty below 2.26. */
  readonly tags: readonly string[];
  readonly keyName: string | null;
  readonly availabilityZone: string | null;
  /** Null below 2.19. */
  readonly description: string | null;
  /** Null below 2.90 for those who are not administrators. */
  readonly hostname: string | null;
  readonly configDrive: boolean;
  /** Hash of compute host and project: equal for two servers of a project on one host. Empty while it is nowhere. */
  readonly hostId: string;
  readonly userId: string | null;
  readonly projectId: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string | null;
  /** ISO 8601, UTC; null before its first start. */
  readonly launchedAt: string | null;
  readonly securityGroupNames: readonly string[];
  /** By network name. */
  readonly addresses: Readonly<Record<string, readonly ServerAddress[]>>;
  readonly attachedVolumeIds: readonly string[];
  /** Base64; null: it has none; absent: Nova does not show it to this user (by default only to administrators). */
  readonly userData?: string | null;
  /** Shown to administrators only. */
  readonly rootDeviceName: string | null;
  /** Ids. Only from `show`, and from 2.71; else empty. */
  readonly serverGroupIds: readonly string[];
  readonly locked: boolean;
  /** Why the status is ERROR. */
  readonly fault: ServerFault | null;
}

/** Below 2.47 only `id` is known, from then on everything but the id. */
export interface ServerFlavor {
  readonly id: string | null;
  /** Name of the flavor when the server was made or resized (`original_name`). */
  readonly name: string | null;
  readonly vcpus: number | null;
  readonly ramMiB: number | null;
  readonly diskGiB: number | null;
  readonly ephemeralGiB: number | null;
  readonly swapMiB: number | null;
  /** Null when Nova does not show them. */
  readonly extraSpecs: Readonly<Record<string, string>> | null;
}

export interface ServerAddress {
  readonly address: string;
  readonly ipVersion: 4 | 6;
  readonly type: 'fixed' | 'floating';
  readonly macAddress: string | null;
}

export interface ServerFault {
  readonly code: number;
  readonly message: string;
  readonly createdAt: string | null;
}

/** One record of `os-instance-actions`. */
export interface InstanceAction {
  /** `createImage`, `create`, `stop`, … */
  readonly action: string;
  readonly requestId: string;
  /** True when Nova marked the action or one of its events with an error. */
  readonly failed: boolean;
  readonly message: string | null;
  readonly startedAt: string | null;
  readonly updatedAt: string | null;
  /** Empty in a list, and below 2.51 for those who are not administrators. */
  readonly events: readonly InstanceActionEvent[];
}

interface InstanceActionEvent {
  readonly event: string;
  /** `Success`, `Error`; null while it runs. */
  readonly result: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Text of the failure, from 2.84. */
  readonly details: string | null;
}

export interface VolumeAttachment {
  readonly volumeId: string;
  /** `/dev/vdb`. */
  readonly device: string | null;
  /** Null below 2.79. */
  readonly deleteOnTermination: boolean | null;
  /** By which the guest finds the device in its metadata; null below 2.70. */
  readonly tag: string | null;
}

export interface ServerFilter {
  /** Any of these ids; those that Nova does not know are left out. */
  ids?: readonly string[];
  /** Any of these names, whole and case-sensitive. */
  names?: readonly string[];
  /** All of these tags. A cloud below 2.26 has no tags: `InvalidInput`. */
  tags?: readonly string[];
  /** Servers of every project: administrators only, else `Forbidden`. */
  allProjects?: boolean;
}

export interface NewServer {
  name: string;
  /** Null for one that boots from the first of its volumes. */
  imageId: string | null;
  flavorId: string;
  /** Attached before it starts; the one that it boots from first, then in the order of their devices. */
  volumes?: readonly NewServerVolume[];
  /** `none`: no network; `auto`: what Nova chooses; else the interfaces in order. Below 2.37 `none` becomes an empty list. */
  networks: 'none' | 'auto' | readonly NewServerNetwork[];
  /** Names or ids; they apply to the ports that Nova makes. */
  securityGroups?: readonly string[];
  keyName?: string;
  metadata?: Readonly<Record<string, string>>;
  tags?: readonly string[];
  /** Base64. */
  userData?: string;
  availabilityZone?: string;
  description?: string;
  hostname?: string;
  configDrive?: boolean;
  /** Placed in this server group. */
  serverGroupId?: string;
}

export interface NewServerVolume {
  volumeId: string;
  /** A wish: some hypervisors name devices by their order. */
  device?: string;
  deleteOnTermination: boolean;
  /** Left out below 2.42. */
  tag?: string;
}

type NewServerNetwork = { networkId: string; fixedIp?: string } | { portId: string };

export interface CreatedServer {
  readonly serverId: string;
  readonly requestId: string | null;
  /** Fields that this cloud's compute API is too old for, and that were left out: `tags` below 2.52, `description` below 2.19, … */
  readonly notApplied: readonly string[];
}

export interface SnapshotRequest {
  /** At most 255 characters. */
  name: string;
  /** Become properties of the image, by which it is found again. At most 255 characters a value. */
  metadata: Readonly<Record<string, string>>;
}

export interface Snapshot {
  readonly imageId: string;
  /** Names the action in `instanceAction`; null when a proxy dropped the header. */
  readonly requestId: string | null;
}
