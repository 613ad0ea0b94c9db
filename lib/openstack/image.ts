/** An image as Glance shows it. */
export interface Image {
  readonly id: string;
  readonly name: string | null;
  /** Glance's word: queued, saving, uploading, importing, active, deactivated, killed, deleted, pending_delete. */
  readonly status: string;
  readonly visibility: string | null;
  readonly ownerProjectId: string | null;
  /** Bytes of the file; null before there is any data. */
  readonly sizeBytes: number | null;
  readonly virtualSizeBytes: number | null;
  /** Null until Nova sets it on a snapshot. */
  readonly diskFormat: string | null;
  readonly containerFormat: string | null;
  readonly minDiskGiB: number;
  readonly minRamMiB: number;
  readonly protected: boolean;
  /** MD5 of the file. Null is normal, e.g. for snapshots of Ceph-backed servers. */
  readonly checksum: string | null;
  /** `sha512`, …; may be set while the value is still being computed in an active image. */
  readonly osHashAlgo: string | null;
  readonly osHashValue: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly tags: readonly string[];
  /** Ids of the stores that hold it; empty where Glance does not say. */
  readonly storeIds: readonly string[];
  /** Stores into which an import failed, and into which one goes on. */
  readonly failedImportStoreIds: readonly string[];
  readonly pendingImportStoreIds: readonly string[];
  /** Everything that is not a field of Glance's own: `hw_*`, `os_*`, `instance_uuid`, `base_image_ref`, our marker, … */
  readonly properties: Readonly<Record<string, string>>;
}

/** All conditions hold. Glance filters, and every result is checked again here, because callers delete what they list. */
export interface ImageFilter {
  name?: string;
  /** `visibility: private` does not list images that were posted without a visibility (they are `shared`): list by owner. */
  ownerProjectId?: string;
  status?: string;
  tags?: readonly string[];
  properties?: Readonly<Record<string, string>>;
}

export interface NewImage {
  /** A UUID, where the caller must be able to make the same image again; random otherwise. */
  id?: string;
  name: string;
  diskFormat: string;
  containerFormat?: string;
  minDiskGiB?: number;
  minRamMiB?: number;
  /** Not the names of Glance's own fields and nothing that begins with `os_glance`. */
  properties?: Readonly<Record<string, string>>;
  tags?: readonly string[];
}

/** A task of Glance that works on an image. Its input is left out: it holds the URL of a web download. */
export interface ImageTask {
  readonly id: string;
  readonly type: string;
  /** pending, processing, success, failure. */
  readonly status: string;
  readonly message: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
}

/** `supported` only when status, Content-Range and the number of bytes all proved it; the reason is for people. */
export type RangeSupport =
  | { readonly supported: true }
  | { readonly supported: false; readonly reason: string };

/** The bytes of an image from first to last. They are good only when the iteration ends without an error. */
export interface ImageDownload extends AsyncIterable<Uint8Array> {
  /** `matched`, after the last byte, when Glance holds a hash of the image (`os_hash_value`) and it was compared. */
  readonly sourceHash: 'unchecked' | 'matched';
}
