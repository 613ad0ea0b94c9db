import { StoreUnavailable, WriteOutcomeUnknown } from '../../lib/bank/store/errors.ts';
import type { ObjectStore, StoredObject } from '../../lib/bank/store/object-store.ts';
import type { Scheduler } from './scheduler.ts';

export interface Interleaving {
  scheduler: Scheduler;
  /** Whose calls these are. */
  process: string;
  /** Share of the calls that fail. */
  faultRate: number;
  /** False for a prefix below which there never is anything: to list it takes no turn. */
  mayHold: (prefix: string) => boolean;
}

/** Keys that a page of a list shows. */
const PAGE = 5;

/** The call fails without an effect, or after it. */
const FAULTS = ['before', 'after'] as const;
/** Its effect comes later than the failure, or comes once more when it is long over. */
const WRITE_FAULTS = [...FAULTS, 'late', 'twice'] as const;
const DELETE_FAULTS = [...WRITE_FAULTS, 'partly'] as const;
type StoreFault = (typeof DELETE_FAULTS)[number];

/** A store on which every call, and every page of a list, waits for its turn, and on which any of them may fail. */
export function interleavedStore(
  store: ObjectStore,
  { scheduler, process, faultRate, mayHold }: Interleaving,
): ObjectStore {
  const call = async <T>(
    act: () => Promise<T>,
    error: Error,
    more: {
      faults?: readonly StoreFault[];
      /** What arrives when the request comes late. */
      sent?: () => Promise<unknown>;
      part?: () => Promise<unknown>;
    } = {},
  ): Promise<T> =>
    await scheduler.perform(
      process,
      async () => {
        const { faults = FAULTS, sent = act, part = act } = more;
        const fault = scheduler.fault(faultRate, faults);
        if (fault === 'late' || fault === 'twice') scheduler.arriveLater(sent);
        if (fault === undefined || fault === 'twice') return await act();
        if (fault === 'after') await act();
        if (fault === 'partly') await part();
        throw error;
      },
      { sent: more.sent },
    );

  return {
    location: store.location,
    // Copied at once: what comes late must not see what the caller does to its buffer later.
    put: (key, body, options) => {
      const bytes = new Uint8Array(body);
      return call(() => store.put(key, bytes, options), unavailable(`put of ${key}`), {
        faults: WRITE_FAULTS,
        sent: () => store.put(key, bytes),
      });
    },
    putIfAbsent: (key, body, options) => {
      const bytes = new Uint8Array(body);
      return call(
        () => store.putIfAbsent(key, bytes, options),
        new WriteOutcomeUnknown(`putIfAbsent of ${key} was made to fail.`),
        { faults: WRITE_FAULTS, sent: () => store.putIfAbsent(key, bytes) },
      );
    },
    get: (key, options) => call(() => store.get(key, options), unavailable(`get of ${key}`)),
    size: (key, options) => call(() => store.size(key, options), unavailable(`size of ${key}`)),
    async *list(prefix, options) {
      if (!mayHold(prefix)) return;
      let startAfter = options?.startAfter ?? '';
      for (;;) {
        const page = await call(
          () => firstOf(store.list(prefix, { ...options, startAfter })),
          unavailable(`list of ${prefix}`),
        );
        yield* page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        startAfter = last.key;
      }
    },
    delete: (keys, options) =>
      call(() => store.delete(keys, options), unavailable('delete'), {
        faults: DELETE_FAULTS,
        sent: () => store.delete(keys),
        part: () => store.delete(keys.filter(() => scheduler.chance(0.5))),
      }),
    startUpload: unused,
    putPart: unused,
    completeUpload: unused,
    abortUpload: unused,
    // oxlint-disable-next-line require-yield
    async *listUploads() {
      await unused();
    },
    presign: unused,
  };
}

async function firstOf(list: AsyncIterable<StoredObject>): Promise<StoredObject[]> {
  const page: StoredObject[] = [];
  for await (const object of list) {
    page.push(object);
    if (page.length === PAGE) break;
  }
  return page;
}

function unavailable(what: string): StoreUnavailable {
  return new StoreUnavailable(`${what} was made to fail.`);
}

async function unused(): Promise<never> {
  throw new Error('Nothing here makes objects of parts.');
}
