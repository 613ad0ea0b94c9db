import { StoreUnavailable, WriteOutcomeUnknown } from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore, StoredObject } from '../../../../lib/bank/store/object-store.ts';
import type { Scheduler } from './scheduler.ts';

export interface Interleaving {
  scheduler: Scheduler;
  /** Whose calls these are. */
  process: string;
  /** Share of the calls that fail, before or after their effect, or whose effect comes later than the failure. */
  faultRate: number;
}

/** Keys that a page of a list shows. */
const PAGE = 5;

/** A store on which every call, and every page of a list, waits for its turn, and on which any of them may fail. */
export function interleavedStore(
  store: ObjectStore,
  { scheduler, process, faultRate }: Interleaving,
): ObjectStore {
  const call = async <T>(act: () => Promise<T>, error: Error, mayBeLate = false): Promise<T> => {
    await scheduler.turn(process);
    if (scheduler.random() >= faultRate) return await act();
    scheduler.faults += 1;
    const fault = scheduler.pick(mayBeLate ? ['before', 'after', 'late'] : ['before', 'after']);
    if (fault === 'after') await act();
    if (fault === 'late') {
      scheduler.start(async () => {
        // Not the process's: what is on its way arrives even when its sender is dead.
        await scheduler.turn('the network');
        await act();
      });
    }
    throw error;
  };
  return {
    location: store.location,
    put: (key, body) => call(() => store.put(key, body), unavailable(`put of ${key}`), true),
    putIfAbsent: (key, body) =>
      call(
        () => store.putIfAbsent(key, body),
        new WriteOutcomeUnknown(`putIfAbsent of ${key} was made to fail.`),
        true,
      ),
    get: (key) => call(() => store.get(key), unavailable(`get of ${key}`)),
    size: (key) => call(() => store.size(key), unavailable(`size of ${key}`)),
    async *list(prefix, options) {
      let startAfter = options?.startAfter ?? '';
      for (;;) {
        const page = await call(
          () => firstOf(store.list(prefix, { startAfter })),
          unavailable(`list of ${prefix}`),
        );
        yield* page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        startAfter = last.key;
      }
    },
    delete: (keys) => call(() => store.delete(keys), unavailable('delete')),
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
  throw new Error('The register does without.');
}
