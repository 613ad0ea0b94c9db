import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import { historyDirectory } from '../../local/engine/history-file.ts';
import { countedRequests } from '../lib/bank/store/counted-requests.ts';
import { startWorld, type World, type WorldOptions } from '../machines/world.ts';

/** Requests that an S3 server would have got of the register, and of all three places. */
export interface Requests {
  register: number;
  all: number;
}

/** A world whose bank and histories lie in files and that keeps no events, so that what is measured of memory is not theirs. */
export async function withScaleWorld<Result>(
  options: WorldOptions,
  use: (world: World, requests: () => Requests) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'snapbank-scale-'));
  const place = (name: string) => countedRequests(directoryStore(join(directory, name)));
  const places = { bank: place('bank'), register: place('register'), work: place('work') };
  const world = await startWorld({
    places,
    history: historyDirectory(join(directory, 'histories')),
    keepProgress: false,
    ...options,
  });
  try {
    return await use(world, () => {
      const register = places.register.requests();
      return { register, all: register + places.bank.requests() + places.work.requests() };
    });
  } finally {
    await world.close();
    await rm(directory, { recursive: true, force: true });
  }
}
