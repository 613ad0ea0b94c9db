import type { Faults } from './faults.ts';
import type { RequestLog } from './request-log.ts';

/**
 * A small OpenStack on loopback, in this process: Keystone v3, Nova 2.1 to 2.93, Glance v2, Neutron and Cinder as far as a backup
 * of servers needs them, answering as recorded from a real one. Its disks and images are real files.
 *
 * The methods are what an operator, a user at the console or the hardware would do; they take effect at once and throw
 * `InvalidInput` when they name something that does not exist. Identifiers are OpenStack's.
 */
export interface DemoCloud {
  /** Keystone's, with `/v3`. */
  readonly authUrl: string;
  readonly regionName: string;
  /** Of the first project, as all that is left out below. */
  readonly applicationCredential: ApplicationCredential;
  /** The variables by which clients find the cloud, with that credential. */
  readonly environment: Readonly<Record<string, string>>;
  readonly projectId: string;
  readonly userId: string;
  /** Base URLs by service type, without version. */
  readonly endpoints: Readonly<
    Record<'identity' | 'compute' | 'image' | 'network' | 'volumev3', string>
  >;
  readonly faults: Faults;
  readonly requests: RequestLog;

  addProject(project: NewProject): DemoProject;
  /** Replaces the image quota of a project. */
  setImageQuota(quota: ImageQuota, projectId?: string): void;
  /** The tokens that are valid: a test looks whether one appears where it should not. */
  tokens(): string[];
  /** Every token that was given out is refused from now on. */
  expireTokens(): void;

  addFlavor(flavor: NewFlavor): string;
  addKeypair(keypair: NewKeypair): string;
  addNetwork(network: NewNetwork): string;
  addSubnet(subnet: NewSubnet): string;
  addPort(port: NewPort): string;
  addSecurityGroup(group: NewSecurityGroup): string;
  addVolume(volume: NewVolume): Promise<string>;
  attachVolume(
    serverId: string,
    volumeId: string,
    attachment?: { tag?: string; deleteOnTermination?: boolean },
  ): string;
  detachVolume(serverId: string, volumeId: string): void;

  /** An active image. */
  addImage(image: NewImage): Promise<string>;
  /** The image is gone, as if someone else had deleted it. */
  removeImage(imageId: string): Promise<void>;
  /** An active server; no request is logged. */
  addServer(server: NewServer): Promise<string>;
  removeServer(serverId: string): Promise<void>;
  /** Puts the server into any state, such as `{status: 'SHELVED_OFFLOADED', vmState: 'shelved_offloaded'}`. */
  setServerState(serverId: string, state: ServerState): void;

  /** The guest's user writes to the server's root disk. Waits while a snapshot is being read, so that a snapshot is of one moment. */
  writeGuest(serverId: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** The bytes `[offset, offset + length)` of the server's root disk. */
  readGuest(serverId: string, offset: number, length: number): Promise<Uint8Array>;
  guestSizeBytes(serverId: string): Promise<number>;

  /** The guest's user writes to a volume that is attached. */
  writeVolume(volumeId: string, offset: number, bytes: Uint8Array): Promise<void>;
  readVolume(volumeId: string, offset: number, length: number): Promise<Uint8Array>;
  removeVolume(volumeId: string): Promise<void>;
  setVolumeStatus(volumeId: string, status: string): void;

  /** The largest number of snapshots that was ever asked of one compute host at once, those that wait included. */
  mostSnapshotsOfOneHost(): number;

  /** Everything that exists, in all projects: compare before and after to find what was left behind. */
  inventory(): Inventory;

  /** Ends every connection and all work under way, and removes the directory. Can be repeated. */
  close(): Promise<void>;
}

export interface ApplicationCredential {
  id: string;
  secret: string;
}

export interface DemoProject {
  projectId: string;
  userId: string;
  applicationCredential: ApplicationCredential;
}

export interface NewProject {
  name: string;
  id?: string;
  userId?: string;
  userName?: string;
  imageQuota?: ImageQuota;
  /** Its user is an administrator, who sees the servers and images of every project (default: false). */
  admin?: boolean;
  /** When the application credential ends, in milliseconds since the epoch (default: never). */
  credentialExpiresAt?: number;
}

export interface ImageQuota {
  /** Images that a project may have (default: no limit). */
  countTotal?: number;
  /** MiB of image data. Glance compares what is used already, so the last upload may exceed it. */
  sizeTotalMib?: number;
}

interface NewFlavor {
  id?: string;
  name: string;
  vcpus: number;
  ramMib: number;
  /** 0: as large as the image. */
  diskGib: number;
  extraSpecs?: Record<string, string>;
}

interface NewKeypair {
  name: string;
  publicKey?: string;
  userId?: string;
}

interface NewNetwork {
  id?: string;
  name: string;
  projectId?: string;
  shared?: boolean;
}

interface NewSubnet {
  id?: string;
  networkId: string;
  name?: string;
  /** IPv4, such as `10.0.0.0/24`. */
  cidr: string;
  projectId?: string;
}

interface NewPort {
  networkId: string;
  projectId?: string;
  name?: string;
  fixedIp?: string;
  securityGroupIds?: readonly string[];
}

interface NewSecurityGroup {
  name: string;
  id?: string;
  projectId?: string;
  description?: string;
}

export interface NewVolume {
  name?: string;
  sizeGib: number;
  /** One of the cloud's; default: the first. */
  type?: string;
  /** Filled from this image, and bootable. */
  imageId?: string;
  description?: string;
  metadata?: Record<string, string>;
  encrypted?: boolean;
  multiattach?: boolean;
  projectId?: string;
}

export interface NewImage {
  name: string;
  id?: string;
  /** The image's content: a file's path (copied), or bytes. */
  content: string | Uint8Array;
  diskFormat: 'qcow2' | 'raw' | (string & {});
  containerFormat?: string;
  visibility?: 'public' | 'private' | 'shared' | 'community';
  minDiskGib?: number;
  minRamMib?: number;
  tags?: readonly string[];
  properties?: Record<string, string>;
  protected?: boolean;
  projectId?: string;
}

export interface NewServer {
  name: string;
  id?: string;
  /** The image it boots from; its disk is a copy of it, grown to the flavor's size. */
  imageId?: string;
  /** Or the volume that it boots from. */
  bootVolumeId?: string;
  /** Default: the first flavor. */
  flavorId?: string;
  /** Networks by id, each with an address of its own (default: none). */
  networks?: readonly { networkId: string; fixedIp?: string }[];
  securityGroups?: readonly string[];
  keyName?: string;
  metadata?: Record<string, string>;
  tags?: readonly string[];
  description?: string;
  availabilityZone?: string;
  userData?: string;
  projectId?: string;
}

export interface ServerState {
  status?: string;
  vmState?: string;
  taskState?: string | null;
  locked?: boolean;
  /** Whether Nova has lost sight of the cell that knows more of it than its id. */
  cellDown?: boolean;
  fault?: string;
}

export interface InventoryItem {
  id: string;
  name: string;
  status: string;
  projectId: string;
}

export interface Inventory {
  servers: InventoryItem[];
  images: InventoryItem[];
  volumes: InventoryItem[];
  volumeSnapshots: InventoryItem[];
  networks: InventoryItem[];
  subnets: InventoryItem[];
  ports: InventoryItem[];
  securityGroups: InventoryItem[];
  keypairs: InventoryItem[];
  flavors: InventoryItem[];
}
