import type { ObjectStore } from './object-store.ts';

/** The store for reading: every call that would change it throws what `refusal` makes. */
export function readOnlyStore(store: ObjectStore, refusal: () => Error): ObjectStore {
  const refuse = () => Promise.reject(refusal());
  return {
    location: store.location,
    get: (...call) => store.get(...call),
    size: (...call) => store.size(...call),
    list: (...call) => store.list(...call),
    listUploads: (...call) => store.listUploads(...call),
    presign: (...call) => store.presign(...call),
    put: refuse,
    putIfAbsent: refuse,
    delete: refuse,
    startUpload: refuse,
    putPart: refuse,
    completeUpload: refuse,
    abortUpload: refuse,
  };
}
