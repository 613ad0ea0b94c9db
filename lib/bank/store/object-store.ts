import type { ObjectLock, Retention } from './object-lock.ts';

/**
 * The port to a place that holds objects: an S3 bucket and prefix, or a directory. The bank, the register and the work place are
 * each one of these. Keys are relative to the place: segments of `[A-Za-z0-9._-]+` joined by `/`, none starting with a dot, at most
 * 512 bytes (`InvalidInput` otherwise); no key is a folder of another one. Objects of other names are not ours and not listed.
 *
 * Contract, kept by every implementation and proven by one conformance suite:
 * - what `put` or `putIfAbsent` resolved for is durable and seen whole by every later `get` and `list`; never a part of it;
 * - every call is retried inside against passing faults, and is safe to repeat;
 * - errors are classes of errors.ts: `ObjectNotFound`, `StoreUnavailable` (passing; tried again later may work), `StoreRefused`
 *   (wrong credentials, no permission, disk full, no such bucket), `WriteOutcomeUnknown` (only from `putIfAbsent`),
 *   `RangeOutsideObject`, `UploadNotFound`, `UploadIncomplete`; or the signal's reason.
 */
export interface ObjectStore {
  /** For people and messages: `s3://bucket/prefix` or an absolute path. */
  readonly location: string;

  /** Undefined where the store knows no such thing (a directory). */
  readonly objectLock?: ObjectLock;

  /**
   * Writes an object whose bytes, for this key, are always the same: a repeated call overwrites it with itself. With `retention` it is
   * locked from the start; a store without `objectLock` refuses that.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<void>;

  /**
   * Creates the object unless the key exists: `true` when this call created it, `false` when it existed before. Of any number of
   * concurrent calls on one key exactly one gets `true`. Throws `WriteOutcomeUnknown` when the answer was lost (the write may or may
   * not have taken effect): the caller re-reads and compares.
   */
  putIfAbsent(key: string, body: Uint8Array, options?: CallOptions): Promise<boolean>;

  /** The object, or of it the bytes `[range.offset, range.offset + range.length)`, never fewer (`RangeOutsideObject`). Throws `ObjectNotFound`. */
  get(key: string, options?: CallOptions & { range?: ByteRange }): Promise<Uint8Array>;

  /** Size of the object, or undefined where there is none. */
  size(key: string, options?: CallOptions): Promise<number | undefined>;

  /** All objects whose keys start with `prefix`, ascending by the bytes of their keys, beginning after `startAfter`. */
  list(
    prefix: string,
    options?: CallOptions & { startAfter?: string },
  ): AsyncIterable<StoredObject>;

  /** Deletes the objects; keys that do not exist count as deleted. */
  delete(keys: readonly string[], options?: CallOptions): Promise<void>;

  /**
   * Starts a large object that is written in parts, in any order and from any process that knows the upload's id.
   * It becomes visible, whole, with `completeUpload`; `abortUpload` leaves nothing behind.
   */
  startUpload(key: string, options?: CallOptions): Promise<string>;
  /** Writes one part (1-based; all parts but the last have equal size, at least 5 MiB). Repeating a part replaces it. `UploadNotFound` after an abort. */
  putPart(upload: Upload, part: Part, body: Uint8Array, options?: CallOptions): Promise<void>;
  /**
   * Joins the parts, which are 1..`partCount` (`UploadIncomplete` where one is missing or too many). Repeating it after a lost answer succeeds. As with
   * `put`, the bytes of one key are always the same: where the upload is gone and the object is there, it was completed.
   */
  completeUpload(upload: Upload, partCount: number, options?: CallOptions): Promise<void>;
  /** Succeeds also when the upload is unknown or already complete. */
  abortUpload(upload: Upload, options?: CallOptions): Promise<void>;
  /** Uploads that were started and neither completed nor aborted. */
  listUploads(prefix: string, options?: CallOptions): AsyncIterable<Upload & { startedAt: Date }>;

  /**
   * A URL that reads the object without credentials for `expiresInSeconds`; undefined where the store has no such thing (a
   * directory). It is a secret: never logged, never in an error, never in an execution's input or output.
   */
  presign(key: string, expiresInSeconds: number): Promise<string | undefined>;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface PutOptions extends CallOptions {
  retention?: Retention | undefined;
}

export interface ByteRange {
  offset: number;
  length: number;
}

export interface StoredObject {
  key: string;
  sizeBytes: number;
  modifiedAt: Date;
}

export interface Upload {
  key: string;
  uploadId: string;
}

export interface Part {
  /** From 1 to 10,000. */
  number: number;
  /** Where the part lies in the object. */
  offset: number;
}
