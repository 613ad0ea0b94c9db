/** A volume as Cinder shows it. */
export interface Volume {
  readonly id: string;
  readonly name: string | null;
  readonly description: string | null;
  /** Cinder's word: creating, available, in-use, uploading, deleting, error, … */
  readonly status: string;
  readonly sizeGiB: number;
  /** Name of its type; null where the cloud has none. */
  readonly type: string | null;
  readonly availabilityZone: string | null;
  readonly bootable: boolean;
  readonly encrypted: boolean;
  /** May be attached to several servers at once. */
  readonly multiattach: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** What Cinder remembers of the image that it was made of, `image_id` among it. */
  readonly imageMetadata: Readonly<Record<string, string>>;
  readonly attachedServerIds: readonly string[];
  readonly createdAt: string | null;
}

export interface NewVolume {
  name: string;
  sizeGiB: number;
  description?: string;
  /** Name or id; the cloud's default otherwise, or the type of the snapshot. */
  type?: string;
  availabilityZone?: string;
  metadata?: Readonly<Record<string, string>>;
  /** What it begins with; zeros otherwise. */
  from?: { snapshotId: string } | { imageId: string };
}

/** A snapshot of a volume. */
export interface VolumeSnapshot {
  readonly id: string;
  readonly name: string | null;
  /** Cinder's word: creating, available, deleting, error, error_deleting, … */
  readonly status: string;
  readonly volumeId: string;
  readonly sizeGiB: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: string | null;
}

export interface NewVolumeSnapshot {
  volumeId: string;
  name: string;
  metadata?: Readonly<Record<string, string>>;
}

/** What is left of a project's quota; infinite where there is no limit, or Cinder tells none. */
export interface VolumeQuota {
  readonly volumes: number;
  readonly sizeGiB: number;
}

/** All items must be there. Cinder filters, and every result is checked again here, because callers delete what they list. */
export interface MetadataFilter {
  metadata?: Readonly<Record<string, string>>;
}
