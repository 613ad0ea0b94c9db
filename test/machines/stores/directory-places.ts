import { promises } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../../../lib/bank/store/directory.ts';
import { disk, type Step, watchedDisk } from '../../lib/bank/store/watched-disk.ts';
import { Random } from '../../lib/disk/support/random.ts';
import { type FaultyPlaces, rateOf } from './faulty-places.ts';

const PLACES = ['bank', 'register', 'work'] as const;
const CHANGES = new Set<Step>(['write', 'sync', 'rename', 'link', 'mkdir', 'unlink', 'rm']);
/** What a full disk refuses: it still renames and removes. */
const GROWTH = new Set<Step>(['write', 'mkdir', 'link']);
const REMOVALS = new Set<Step>(['unlink', 'rm', 'rename']);

/** The steps of this process's file system calls are watched from now on. */
function watch(): void {
  Object.assign(promises, watchedDisk({ ...promises }));
  syncBuiltinESMExports();
}
let watching = false;

/**
 * Places in a directory on a disk that fails by the seed: of every four seeds one has a disk that is full from some moment on, one that is
 * read-only, one that is broken.
 */
export async function directoryPlaces(seed: number): Promise<FaultyPlaces> {
  if (!watching) watch();
  watching = true;
  const root = await mkdtemp(join(tmpdir(), 'snapbank-faulty-'));
  const random = new Random(seed);
  const rate = rateOf(seed) / 4;
  const lasting = [undefined, 'ENOSPC', 'EROFS', 'EIO'][(seed >> 2) % 4];
  let armed = false;
  let injected = 0;
  let left = 0;
  let removalsFailed = false;

  const lastingFault = (step: Step, path: string): string | undefined => {
    if (lasting === undefined || (left -= 1) >= 0) return undefined;
    // Files that are made are opened there.
    const grows = GROWTH.has(step) || (step === 'open' && /\/\.(tmp|uploads)\//.test(path));
    if (lasting === 'ENOSPC') return grows ? lasting : undefined;
    if (lasting === 'EROFS') return grows || CHANGES.has(step) ? lasting : undefined;
    return lasting;
  };
  const passingFault = (step: Step): string | undefined => {
    if (random.word() / 2 ** 32 >= rate) return undefined;
    if (GROWTH.has(step) && random.chance(0.1)) return random.pick(['ENOSPC', 'EDQUOT']);
    return random.pick(step === 'open' ? ['EIO', 'EMFILE', 'ESTALE'] : ['EIO', 'ESTALE']);
  };
  const failing = (codeFor: (step: Step, path: string) => string | undefined) => {
    return (step: Step, path: string): void => {
      if (!armed || !path.startsWith(root)) return;
      const code = codeFor(step, path);
      if (code === undefined) return;
      injected += 1;
      if (REMOVALS.has(step)) removalsFailed = true;
      throw Object.assign(new Error(`${code}: ${step} was made to fail`), { code });
    };
  };
  disk.before = failing((step, path) => lastingFault(step, path) ?? passingFault(step));
  // The step took effect, and its answer was lost on the way from a network file system.
  disk.after = failing((step) =>
    CHANGES.has(step) && random.chance(rate / 4) ? 'ESTALE' : undefined,
  );

  const temporaryFiles = async () => {
    const found: string[] = [];
    for (const place of PLACES) {
      const names = await readdir(join(root, place, '.tmp')).catch(() => []);
      found.push(...names.map((name) => join(root, place, '.tmp', name)));
    }
    return found;
  };

  return {
    open(clock) {
      const [bank, register, work] = PLACES.map((place) =>
        directoryStore(join(root, place), { clock }),
      );
      return { bank: bank!, register: register!, work: work! };
    },
    arm() {
      left = 1 + random.below(1500);
      armed = true;
    },
    calm() {
      armed = false;
    },
    get injected() {
      return injected;
    },
    async leftovers() {
      if (removalsFailed) await aDayLater(root, await temporaryFiles());
      const uploads = PLACES.map((place) => readdir(join(root, place, '.uploads')).catch(() => []));
      return [...(await temporaryFiles()), ...(await Promise.all(uploads)).flat()];
    },
    async close() {
      armed = false;
      disk.before = () => undefined;
      disk.after = () => undefined;
      await rm(root, { recursive: true });
    },
  };
}

/** What could not be removed stays for a day, and goes when a process first writes there after it. */
async function aDayLater(root: string, paths: readonly string[]): Promise<void> {
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  for (const path of paths) await utimes(path, yesterday, yesterday);
  for (const place of PLACES) {
    await mkdir(join(root, place), { recursive: true });
    const store = directoryStore(join(root, place));
    await store.put('probe/later', Buffer.from('x'));
    await store.delete(['probe/later']);
  }
}
