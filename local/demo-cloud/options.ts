import type { Clock } from '../../lib/clock.ts';

/** What the demo cloud is like. Everything has a default: `startDemoCloud()` gives a healthy cloud. */
export interface DemoCloudOptions {
  /** Decides when states change and when tokens expire (default: the system's clock). */
  clock?: Clock;
  /** Where the temporary directory of image files and disks is made (default: the system's); it is removed by `close`. */
  directory?: string;
  /** How long things take, in milliseconds of the clock. */
  durations?: Partial<Durations>;
  /** Life of a token (default 3600). */
  tokenLifetimeSeconds?: number;
  /** Format of the images that createImage makes (default `qcow2`). */
  snapshotFormat?: 'qcow2' | 'raw';
  images?: ImageServiceOptions;
  volumes?: VolumeServiceOptions;
  catalog?: CatalogOptions;
  /** Keys that servers are shown without, as policies and old releases do. */
  serversWithout?: readonly string[];
  /** Compute hosts, over which servers are placed in turn (default 1). */
  hosts?: number;
  /** Snapshots that a host makes at once; others wait in `image_snapshot` (default 5, as Nova's max_concurrent_snapshots). */
  snapshotsPerHost?: number;
  /** Largest and default page of servers and images (defaults as the real ones: 1000 servers, 25 images, at most 1000). */
  pageSize?: number;
  /** The compute API's newest microversion (default `2.93`). */
  maxMicroversion?: string;
}

/** Each 0 by default, which means: done when next looked at. The demo uses some hundred milliseconds. */
interface Durations {
  /** From a server's BUILD to ACTIVE or ERROR. */
  buildMs: number;
  /** From createImage through the four task states to the image's `active`. */
  snapshotMs: number;
  /** From an import's 202 to `active`, or back to `queued`. */
  importMs: number;
  /** Until a server is stopped, started, paused … and a volume created, attached, detached, deleted. */
  actionMs: number;
  /** From a server's DELETE to its 404. */
  deleteMs: number;
}

interface ImageServiceOptions {
  /**
   * What the image's store does with a Range request: `yes` answers 206 (a file store), `refuse-400` is Ceph, Swift or S3 behind
   * Glance, `whole-206` says 206 and sends everything (old releases on such stores).
   */
  range?: 'yes' | 'refuse-400' | 'whole-206';
  /** `false`: downloads carry no Content-Length and end with the connection, as Debian's uwsgi configuration does. */
  contentLength?: boolean;
  /** `never`: checksum and os_hash_value stay null (RBD snapshots); `late`: the value comes `lateHashMs` after `active`. */
  hash?: 'at-once' | 'never' | 'late';
  lateHashMs?: number;
  /** `never`: size and virtual_size of active images stay null. */
  size?: 'at-once' | 'never';
  /** Import methods the operator has enabled (default: glance-direct, web-download, copy-image). */
  importMethods?: readonly string[];
  /** Hosts and ports that web-download may reach; undefined: every host and port. */
  importHosts?: readonly string[];
  importPorts?: readonly number[];
}

interface VolumeServiceOptions {
  /** Volumes, and snapshots, that a project may have (default 10 of each). */
  countTotal?: number;
  /** Names of the volume types, the default one first (default `__DEFAULT__` alone). */
  types?: readonly string[];
  /** Bytes of what is called a GiB (default 2^30); with fewer, volumes are small. */
  gibBytes?: number;
}

interface CatalogOptions {
  /** Region of the real endpoints (default `RegionOne`). */
  region?: string;
  /** Other regions, listed first, whose endpoints answer nobody. */
  otherRegions?: readonly string[];
  /** Interfaces of the real endpoints (default admin, internal, public). The others are left out. */
  interfaces?: readonly ('admin' | 'internal' | 'public')[];
  /** Paths after host and port, where they differ from the usual ones (compute `/v2.1`, image ``, network ``, volumev3 `/v3/<project>`). */
  paths?: Partial<Record<'compute' | 'image' | 'network' | 'volumev3', string>>;
  /** Service types that the cloud does not have. */
  without?: readonly ('network' | 'volumev3')[];
}
