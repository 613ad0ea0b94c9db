import type { Clock } from '../../lib/clock.ts';
import type { ApplicationCredential, ImageQuota } from './demo-cloud.ts';
import type { GuestDisk } from './disks/guest-disk.ts';
import type { Faults } from './faults.ts';
import type { RequestLog } from './request-log.ts';
import type { HostQueues } from './nova/host-queues.ts';
import type { Schedule } from './schedule.ts';
import type { Settings } from './settings.ts';
import type { Work } from './work.ts';

export interface Project {
  id: string;
  name: string;
  userId: string;
  userName: string;
  credential: ApplicationCredential;
  /** Whether its user has the role `admin`. */
  admin: boolean;
  credentialExpiresAt: number | undefined;
  imageQuota: ImageQuota;
}

export interface Token {
  project: Project;
  auditId: string;
  issuedAt: number;
  expiresAt: number;
}

export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  ramMib: number;
  diskGib: number;
  extraSpecs: Record<string, string>;
}

export interface Keypair {
  name: string;
  userId: string;
  publicKey: string;
  fingerprint: string;
  createdAt: number;
}

export interface ImportTask {
  id: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  request: Record<string, unknown>;
  requestId: string;
  userId: string;
  message: string;
  createdAt: number;
  updatedAt: number;
}

export interface Image {
  id: string;
  name: string | null;
  status: 'queued' | 'saving' | 'active' | 'killed' | 'uploading' | 'importing';
  visibility: string;
  projectId: string;
  diskFormat: string | null;
  containerFormat: string | null;
  sizeBytes: number | null;
  virtualSizeBytes: number | null;
  checksum: string | null;
  hashAlgorithm: string | null;
  hashValue: string | null;
  /** A hash that is known only from this time on. */
  hashFrom?: number;
  minDiskGib: number;
  minRamMib: number;
  protected: boolean;
  hidden: boolean;
  tags: string[];
  properties: Record<string, string>;
  createdAt: number;
  updatedAt: number;
  /** The file that holds, or will hold, its bytes. */
  path: string;
  tasks: ImportTask[];
}

export interface ServerAction {
  action: string;
  requestId: string;
  userId: string;
  projectId: string;
  startedAt: number;
  updatedAt: number;
  message: string | null;
  events: {
    event: string;
    startedAt: number;
    finishedAt: number | null;
    result: string | null;
  }[];
}

export interface Server {
  id: string;
  name: string;
  projectId: string;
  userId: string;
  userName: string;
  status: string;
  vmState: string;
  powerState: number;
  taskState: string | null;
  fault: { message: string; code: number; createdAt: number } | undefined;
  metadata: Record<string, string>;
  tags: string[];
  description: string | null;
  flavor: Flavor;
  /** Empty for a server that boots from a volume. */
  imageId: string;
  /** Properties of the boot image, which its snapshots inherit. */
  imageProperties: Record<string, string>;
  imageMinDiskGib: number;
  imageMinRamMib: number;
  keyName: string | null;
  userData: string | undefined;
  configDrive: boolean;
  availabilityZone: string;
  /** The compute host, of which a project sees a hash. */
  host: string;
  hostname: string;
  securityGroups: string[];
  createdAt: number;
  updatedAt: number;
  launchedAt: number | null;
  locked: boolean;
  cellDown: boolean;
  lockedReason: string | null;
  attachments: Attachment[];
  actions: ServerAction[];
  /** The disk, as soon as it is made; of a server that boots from a volume, the volume's. */
  disk: Promise<GuestDisk>;
}

export interface Attachment {
  id: string;
  volumeId: string;
  bdmId: string;
  device: string;
  tag: string | null;
  deleteOnTermination: boolean;
  attachedAt: number;
}

export interface Volume {
  id: string;
  name: string;
  description: string | null;
  projectId: string;
  userId: string;
  status: string;
  sizeGib: number;
  /** Its name. */
  type: string;
  metadata: Record<string, string>;
  bootable: boolean;
  encrypted: boolean;
  multiattach: boolean;
  sourceSnapshotId: string | null;
  imageMetadata: Record<string, string> | undefined;
  createdAt: number;
  updatedAt: number | null;
  disk: Promise<GuestDisk>;
}

export interface VolumeSnapshot {
  id: string;
  name: string;
  description: string | null;
  projectId: string;
  volumeId: string;
  status: string;
  sizeGib: number;
  metadata: Record<string, string>;
  /** Of the volume, for volumes that are made of the snapshot. */
  imageMetadata: Record<string, string> | undefined;
  createdAt: number;
  updatedAt: number | null;
  disk: Promise<GuestDisk>;
}

export interface Network {
  id: string;
  name: string;
  projectId: string;
  shared: boolean;
  createdAt: number;
  updatedAt: number;
}

export interface Subnet {
  id: string;
  name: string;
  networkId: string;
  projectId: string;
  cidr: string;
  createdAt: number;
}

export interface Port {
  id: string;
  name: string;
  networkId: string;
  projectId: string;
  macAddress: string;
  status: string;
  deviceId: string;
  deviceOwner: string;
  fixedIps: { subnetId: string; ipAddress: string }[];
  securityGroupIds: string[];
  /** Made by Nova for a server, and removed with it. */
  ownedByServer: boolean;
  createdAt: number;
  updatedAt: number;
}

export interface SecurityGroup {
  id: string;
  name: string;
  projectId: string;
  description: string;
  createdAt: number;
}

/** All that the services share. Each map keeps the order in which its records were made. */
export interface CloudState {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly schedule: Schedule;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly directory: string;
  /** Base URLs by service type, known once the cloud listens. */
  readonly endpoints: Record<ServiceType, string>;
  readonly work: Work;
  readonly snapshotQueues: HostQueues;
  readonly projects: Map<string, Project>;
  readonly tokens: Map<string, Token>;
  readonly flavors: Map<string, Flavor>;
  readonly keypairs: Keypair[];
  readonly images: Map<string, Image>;
  readonly servers: Map<string, Server>;
  readonly volumes: Map<string, Volume>;
  readonly volumeSnapshots: Map<string, VolumeSnapshot>;
  readonly networks: Map<string, Network>;
  readonly subnets: Map<string, Subnet>;
  readonly ports: Map<string, Port>;
  readonly securityGroups: Map<string, SecurityGroup>;
}

export type ServiceType = 'identity' | 'compute' | 'image' | 'network' | 'volumev3';
