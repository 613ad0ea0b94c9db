import type { ObjectLock } from '../../lib/bank/store/object-lock.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';

/** What a store does for each of its methods, as S3 knows it; the first word of the key, with its slash where it is a folder. */
type Recorder = (action: string, keyClass: string) => void;

/** `packs/x/y` is of the class `packs/*`, `bank.json` of its own. */
export function classOf(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : `${key.slice(0, slash)}/*`;
}

/**
 * Tells of each call which permissions of S3 it takes (Service Authorization Reference, "Actions defined by Amazon S3"): `s3.ts` makes
 * a PutObject of a put, a HeadObject of a size, and so on. Whoever asks for a key that may be absent also needs s3:ListBucket, or S3
 * answers 403 in place of 404.
 */
export function recordingStore(store: ObjectStore, record: Recorder): ObjectStore {
  const on = (key: string, ...actions: string[]) => {
    for (const action of actions) record(action, classOf(key));
  };
  return {
    location: store.location,
    ...(store.objectLock && { objectLock: recordingLock(store.objectLock, on) }),
    put(key, ...rest) {
      on(key, 's3:PutObject', ...(rest[1]?.retention ? ['s3:PutObjectRetention'] : []));
      return store.put(key, ...rest);
    },
    putIfAbsent(key, ...rest) {
      on(key, 's3:PutObject');
      return store.putIfAbsent(key, ...rest);
    },
    get(key, ...rest) {
      on(key, 's3:GetObject');
      record('s3:ListBucket', '');
      return store.get(key, ...rest);
    },
    size(key, ...rest) {
      on(key, 's3:GetObject');
      record('s3:ListBucket', '');
      return store.size(key, ...rest);
    },
    list(prefix, ...rest) {
      record('s3:ListBucket', '');
      return store.list(prefix, ...rest);
    },
    delete(keys, ...rest) {
      for (const key of keys) on(key, 's3:DeleteObject');
      return store.delete(keys, ...rest);
    },
    startUpload(key, ...rest) {
      on(key, 's3:PutObject');
      return store.startUpload(key, ...rest);
    },
    putPart(upload, ...rest) {
      on(upload.key, 's3:PutObject');
      return store.putPart(upload, ...rest);
    },
    completeUpload(upload, ...rest) {
      on(upload.key, 's3:PutObject', 's3:ListMultipartUploadParts', 's3:GetObject');
      record('s3:ListBucket', '');
      return store.completeUpload(upload, ...rest);
    },
    abortUpload(upload, ...rest) {
      on(upload.key, 's3:AbortMultipartUpload');
      return store.abortUpload(upload, ...rest);
    },
    listUploads(prefix, ...rest) {
      record('s3:ListBucketMultipartUploads', '');
      return store.listUploads(prefix, ...rest);
    },
    presign(key, ...rest) {
      on(key, 's3:GetObject');
      return store.presign(key, ...rest);
    },
  };
}

function recordingLock(lock: ObjectLock, on: (key: string, action: string) => void): ObjectLock {
  return {
    ...lock,
    extend(key, ...rest) {
      on(key, 's3:PutObjectRetention');
      return lock.extend(key, ...rest);
    },
    deleteUnlocked(keys, ...rest) {
      for (const key of keys) on(key, 's3:DeleteObjectVersion');
      return lock.deleteUnlocked(keys, ...rest);
    },
  };
}
