import { randomUUID } from 'node:crypto';
import {
  validateKey,
  validatePart,
  validatePartCount,
  validatePrefix,
  validateRange,
} from '../../../../lib/bank/store/arguments.ts';
import {
  ObjectLockUnavailable,
  ObjectNotFound,
  RangeOutsideObject,
  UploadIncomplete,
  UploadNotFound,
} from '../../../../lib/bank/store/errors.ts';
import type {
  ObjectLock,
  RetainedObject,
  Retention,
} from '../../../../lib/bank/store/object-lock.ts';
import type { CallOptions, ObjectStore, Upload } from '../../../../lib/bank/store/object-store.ts';
import { type Clock, systemClock } from '../../../../lib/clock.ts';

export interface MemoryStoreOptions {
  location?: string;
  /** Dates the objects and the uploads. */
  clock?: Clock;
  /** With Object Lock, as a bucket may have it. */
  locking?: boolean;
}

interface MemoryObject {
  bytes: Uint8Array;
  modifiedAt: Date;
  retention?: Retention | undefined;
}

interface MemoryUpload extends Upload {
  startedAt: Date;
  parts: Map<number, { offset: number; bytes: Uint8Array }>;
}

/** A store for tests of what stands on a store. It passes the same conformance suite as the real ones. */
export function memoryStore({
  location = 'memory:',
  clock = systemClock,
  locking = false,
}: MemoryStoreOptions = {}): ObjectStore {
  const objects = new Map<string, MemoryObject>();
  const uploads = new Map<string, MemoryUpload>();

  const write = (key: string, bytes: Uint8Array) => {
    objects.set(key, { bytes, modifiedAt: new Date(clock.now()) });
  };

  const uploadOf = ({ key, uploadId }: Upload) => {
    const upload = uploads.get(uploadId);
    if (upload?.key === key) return upload;
    throw new UploadNotFound(`No upload ${uploadId} of ${key} in ${location}.`);
  };

  const objectOf = (key: string) => {
    const object = objects.get(key);
    if (object !== undefined) return object;
    throw new ObjectNotFound(`No object ${key} in ${location}.`);
  };

  const objectLock: ObjectLock = {
    isEnabled: async () => locking,
    now: () => clock.now(),
    async extend(key, retention, options) {
      enter(key, options);
      const object = objectOf(key);
      const standing = object.retention;
      if (standing === undefined || standing.until < retention.until) object.retention = retention;
    },
    async retentionOf(key, options) {
      enter(key, options);
      return objectOf(key).retention;
    },
    async deleteUnlocked(keys, options) {
      const retained: RetainedObject[] = [];
      for (const key of keys) {
        enter(key, options);
        const until = objects.get(key)?.retention?.until;
        if (until !== undefined && until.getTime() > clock.now()) retained.push({ key, until });
        else objects.delete(key);
      }
      return retained;
    },
  };

  return {
    location,
    ...(locking ? { objectLock } : {}),

    async put(key, body, options) {
      enter(key, options);
      const { retention } = options ?? {};
      if (retention !== undefined && !locking) {
        throw new ObjectLockUnavailable(`${location} locks nothing.`);
      }
      write(key, new Uint8Array(body));
      objectOf(key).retention = retention;
    },

    async putIfAbsent(key, body, options) {
      enter(key, options);
      if (objects.has(key)) return false;
      write(key, new Uint8Array(body));
      return true;
    },

    async get(key, options = {}) {
      enter(key, options);
      const { range } = options;
      if (range !== undefined) validateRange(range);
      const bytes = objects.get(key)?.bytes;
      if (bytes === undefined) throw new ObjectNotFound(`No object ${key} in ${location}.`);
      if (range === undefined) return bytes.slice();
      if (range.offset + range.length > bytes.length) {
        throw new RangeOutsideObject(
          `${key} in ${location} has ${bytes.length} bytes; ${range.length} at ${range.offset} were asked for.`,
        );
      }
      return bytes.slice(range.offset, range.offset + range.length);
    },

    async size(key, options) {
      enter(key, options);
      return objects.get(key)?.bytes.length;
    },

    async *list(prefix, options = {}) {
      const { startAfter = '', signal } = options;
      signal?.throwIfAborted();
      validatePrefix(prefix);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter);
      for (const key of keys.sort()) {
        signal?.throwIfAborted();
        const object = objects.get(key);
        if (object === undefined) continue;
        yield { key, sizeBytes: object.bytes.length, modifiedAt: object.modifiedAt };
      }
    },

    async delete(keys, options) {
      for (const key of keys) enter(key, options);
      for (const key of keys) objects.delete(key);
    },

    async startUpload(key, options) {
      enter(key, options);
      const uploadId = randomUUID();
      uploads.set(uploadId, { key, uploadId, startedAt: new Date(clock.now()), parts: new Map() });
      return uploadId;
    },

    async putPart(upload, part, body, options) {
      enter(upload.key, options);
      validatePart(part, body);
      uploadOf(upload).parts.set(part.number, { offset: part.offset, bytes: new Uint8Array(body) });
    },

    async completeUpload(upload, partCount, options) {
      enter(upload.key, options);
      validatePartCount(partCount);
      // An object in the place of the upload is what an earlier call made.
      if (!uploads.has(upload.uploadId) && objects.has(upload.key)) return;
      write(upload.key, joined(uploadOf(upload), partCount));
      uploads.delete(upload.uploadId);
    },

    async abortUpload(upload, options) {
      enter(upload.key, options);
      if (uploads.get(upload.uploadId)?.key === upload.key) uploads.delete(upload.uploadId);
    },

    async *listUploads(prefix, options) {
      options?.signal?.throwIfAborted();
      validatePrefix(prefix);
      for (const { key, uploadId, startedAt } of uploads.values()) {
        options?.signal?.throwIfAborted();
        if (key.startsWith(prefix)) yield { key, uploadId, startedAt };
      }
    },

    async presign() {
      return undefined;
    },
  };
}

function enter(key: string, options: CallOptions | undefined): void {
  options?.signal?.throwIfAborted();
  validateKey(key);
}

function joined(upload: MemoryUpload, partCount: number): Uint8Array {
  if (upload.parts.size > partCount) {
    throw new UploadIncomplete(`The upload of ${upload.key} has more parts than ${partCount}.`);
  }
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let number = 1; number <= partCount; number++) {
    const part = upload.parts.get(number);
    if (part?.offset !== sizeBytes) {
      throw new UploadIncomplete(
        `Part ${number} of the upload of ${upload.key} is missing or misplaced.`,
      );
    }
    pieces.push(part.bytes);
    sizeBytes += part.bytes.length;
  }
  return new Uint8Array(Buffer.concat(pieces));
}
