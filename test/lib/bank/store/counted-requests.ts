import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';

/** Objects that an S3 server lists at a time. */
const PAGE = 1000;

/** A store that counts the requests that an S3 server would get. */
export interface CountedStore extends ObjectStore {
  requests: () => number;
}

export function countedRequests(store: ObjectStore): CountedStore {
  let requests = 0;
  const one = <Result>(call: () => Result): Result => {
    requests += 1;
    return call();
  };
  return {
    ...store,
    requests: () => requests,
    get: (key, options) => one(() => store.get(key, options)),
    size: (key, options) => one(() => store.size(key, options)),
    put: (key, body, options) => one(() => store.put(key, body, options)),
    putIfAbsent: (key, body, options) => one(() => store.putIfAbsent(key, body, options)),
    startUpload: (key, options) => one(() => store.startUpload(key, options)),
    putPart: (upload, part, body, options) => one(() => store.putPart(upload, part, body, options)),
    completeUpload: (upload, partCount, options) =>
      one(() => store.completeUpload(upload, partCount, options)),
    abortUpload: (upload, options) => one(() => store.abortUpload(upload, options)),
    async delete(keys, options) {
      requests += Math.ceil(keys.length / PAGE);
      await store.delete(keys, options);
    },
    async *list(prefix, options) {
      requests += 1;
      let listed = 0;
      for await (const object of store.list(prefix, options)) {
        listed += 1;
        if (listed > PAGE && listed % PAGE === 1) requests += 1;
        yield object;
      }
    },
  };
}
