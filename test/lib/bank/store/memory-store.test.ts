import { describeObjectStore } from './conformance.ts';
import { memoryStore } from './memory-store.ts';

describeObjectStore(
  'memoryStore',
  async () => {
    const store = memoryStore();
    return { store, other: store, remove: async () => {} };
  },
  { presigns: false },
);
