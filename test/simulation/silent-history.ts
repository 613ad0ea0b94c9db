import type { HistoryStore } from '../../local/engine/history.ts';

/** Keeps nothing: a simulation is never continued, and has millions of events. */
export const silentHistory: HistoryStore = {
  open: () =>
    Promise.resolve({
      async *read() {},
      append: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
};
