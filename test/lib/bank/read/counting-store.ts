import type { ByteRange, ObjectStore } from '../../../../lib/bank/store/object-store.ts';

export interface Read {
  key: string;
  range: ByteRange | undefined;
}

/** A store that notes what is read from it, and how many reads are under way at once. */
export function countingStore(store: ObjectStore): {
  store: ObjectStore;
  reads: Read[];
  most: () => number;
} {
  const reads: Read[] = [];
  let underWay = 0;
  let most = 0;
  return {
    reads,
    most: () => most,
    store: {
      ...store,
      async get(key, options) {
        reads.push({ key, range: options?.range });
        underWay++;
        most = Math.max(most, underWay);
        await new Promise(setImmediate);
        try {
          return await store.get(key, options);
        } finally {
          underWay--;
        }
      },
    },
  };
}
