import { readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { bankLocations, openPlaces } from '../../lib/bank/open-places.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import type { Stage } from './stage.ts';

/** What stays of a pin whose reader died: docs/bank-format.md. */
const TOMBSTONE = '/9999999999';
/** Kept in the work place for whoever looks at an execution later: docs/operations.md. */
const KEPT = ['items/', 'outcomes/', 'results/'];

/** What is there and should not be, beside the things in the cloud that the stage and a finished restore made. */
export async function leftovers(stage: Stage, own: ReadonlySet<string>): Promise<string[]> {
  const left: string[] = [];
  const { images, servers, volumeSnapshots } = stage.cloud.inventory();
  for (const { id, name, status } of [...images, ...servers, ...volumeSnapshots]) {
    if (!own.has(id)) left.push(`${name} (${status}) in the cloud`);
  }
  const { places } = stage.services;
  for (const place of [places.bank, places.register, places.work]) {
    for await (const { key } of place.listUploads('')) left.push(`upload of ${key}`);
  }
  for await (const { checkpoint, state } of listCheckpoints(await stage.services.register())) {
    if (state === 'OPEN') left.push(`record ${checkpoint} OPEN`);
  }
  for await (const { key } of places.register.list('pins/')) {
    if (!key.endsWith(TOMBSTONE)) left.push(key);
  }
  for await (const { key } of places.work.list('')) {
    if (!KEPT.some((prefix) => key.startsWith(prefix))) left.push(`work object ${key}`);
  }
  return [...left, ...(await leftInState(stage)), ...(await temporaryFiles(stage))];
}

/** Locks that are held, and files that only a write under way has, below the state directory. */
async function leftInState({ directory }: Stage): Promise<string[]> {
  const root = join(directory, '.local', 'state', 'snapbank');
  const left: string[] = [];
  for (const name of await readdir(root, { recursive: true })) {
    const path = join(root, name);
    if (!(await stat(path)).isFile()) continue;
    if (name.startsWith('unfinished')) left.push(name);
    else if (/\/lock\.\d+\./.test(name)) left.push(name);
    else if (!/\/(history\.jsonl|lock\.\d+)$/.test(name)) left.push(name);
  }
  for (const folder of await foldersWithLocks(root)) {
    const locks = (await readdir(folder)).filter((name) => /^lock\.\d+$/.test(name));
    const [last] = locks.toSorted((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
    const text = await readFile(join(folder, last ?? ''), 'utf8');
    if (!(JSON.parse(text) as { released: boolean }).released) left.push(`${folder} is locked`);
  }
  return left;
}

async function foldersWithLocks(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  return [
    ...new Set(
      names.filter((name) => /\/lock\.\d+$/.test(name)).map((name) => join(root, name, '..')),
    ),
  ];
}

/** Of a directory bank: what the next process finds to be a day old it removes; so it is made a day old. */
async function temporaryFiles({ bank }: Stage): Promise<string[]> {
  if (bank.startsWith('s3:')) return [];
  const folders = ['.', 'register', 'work'].map((name) => join(bank, name));
  const places = openPlaces(bankLocations({ SNAPBANK_BANK: bank }), {});
  const stores = [places.bank, places.register, places.work];
  const left: string[] = [];
  for (const [index, folder] of folders.entries()) {
    const temporary = join(folder, '.tmp');
    const names = await readdir(temporary).catch(() => []);
    const old = new Date(Date.now() - 48 * 3600 * 1000);
    for (const name of names) await utimes(join(temporary, name), old, old);
    if (names.length === 0) continue;
    await stores[index]?.put('test', Buffer.from('next process'));
    await stores[index]?.delete(['test']);
    left.push(...(await readdir(temporary)).map((name) => join(temporary, name)));
  }
  return left;
}
