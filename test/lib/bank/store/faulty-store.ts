import { StoreUnavailable, WriteOutcomeUnknown } from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { randomNumbers } from '../../../../local/demo-cloud/faults.ts';

interface StoreCall {
  method: keyof Omit<ObjectStore, 'location' | 'objectLock'>;
  /** The key; of list and listUploads the prefix; of delete the first key. */
  key: string;
  /** How many calls there were, this one included. */
  count: number;
}

/**
 * `before`: the call fails and nothing happened; a listing fails at its start. `after`: it takes effect, and the answer is lost; a
 * listing fails at its end. `late`: as `before`, but a put or putIfAbsent takes effect when `arrive` is called.
 */
export type StoreFault = 'before' | 'after' | 'late';

export type FaultPlan = (call: StoreCall) => StoreFault | undefined;

export interface FaultyStore extends ObjectStore {
  /** Lets the late writes take effect, in their order; a putIfAbsent only where the key is still free. */
  arrive(): Promise<void>;
}

/** The store with faults: `WriteOutcomeUnknown` out of putIfAbsent, `StoreUnavailable` out of all else. */
export function faultyStore(store: ObjectStore, plan: FaultPlan): FaultyStore {
  let count = 0;
  let late: (() => Promise<unknown>)[] = [];

  const faultOf = (method: StoreCall['method'], key: string) => {
    count += 1;
    return plan({ method, key, count });
  };

  const call = async <T>(
    method: StoreCall['method'],
    key: string,
    act: () => Promise<T>,
  ): Promise<T> => {
    const fault = faultOf(method, key);
    if (fault === undefined) return act();
    if (fault === 'after') await act();
    const isWrite = method === 'put' || method === 'putIfAbsent';
    if (fault === 'late' && isWrite) late.push(act);
    const message = `${method} of ${key} was made to fail ${fault} its effect.`;
    throw method === 'putIfAbsent'
      ? new WriteOutcomeUnknown(message)
      : new StoreUnavailable(message);
  };

  async function* listing<T>(
    method: 'list' | 'listUploads',
    prefix: string,
    items: () => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const fault = faultOf(method, prefix);
    if (fault === undefined || fault === 'after') yield* items();
    if (fault !== undefined) {
      throw new StoreUnavailable(`${method} of ${prefix} was made to fail.`);
    }
  }

  return {
    location: store.location,
    ...(store.objectLock && { objectLock: store.objectLock }),
    // Copied at once: a late write must not see what the caller does to its buffer later.
    put: (key, body, options) => {
      const bytes = new Uint8Array(body);
      return call('put', key, () => store.put(key, bytes, options));
    },
    putIfAbsent: (key, body, options) => {
      const bytes = new Uint8Array(body);
      return call('putIfAbsent', key, () => store.putIfAbsent(key, bytes, options));
    },
    get: (key, options) => call('get', key, () => store.get(key, options)),
    size: (key, options) => call('size', key, () => store.size(key, options)),
    list: (prefix, options) => listing('list', prefix, () => store.list(prefix, options)),
    delete: (keys, options) => call('delete', keys[0] ?? '', () => store.delete(keys, options)),
    startUpload: (key, options) => call('startUpload', key, () => store.startUpload(key, options)),
    putPart: (upload, part, body, options) =>
      call('putPart', upload.key, () => store.putPart(upload, part, body, options)),
    completeUpload: (upload, partCount, options) =>
      call('completeUpload', upload.key, () => store.completeUpload(upload, partCount, options)),
    abortUpload: (upload, options) =>
      call('abortUpload', upload.key, () => store.abortUpload(upload, options)),
    listUploads: (prefix, options) =>
      listing('listUploads', prefix, () => store.listUploads(prefix, options)),
    presign: (key, seconds) => call('presign', key, () => store.presign(key, seconds)),
    async arrive() {
      const writes = late;
      late = [];
      for (const write of writes) await write();
    },
  };
}

/** Fails the share `rate` of the calls, each kind of fault as often as the others; the same seed gives the same faults. */
export function seededFaults(
  seed: number,
  rate: number,
  kinds: readonly StoreFault[] = ['before', 'after'],
): FaultPlan {
  const random = randomNumbers(seed);
  return () => (random() < rate ? kinds[Math.floor(random() * kinds.length)] : undefined);
}
