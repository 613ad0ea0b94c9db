import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import { historyDirectory } from '../../local/engine/history-file.ts';
import { startWorld, type World, type WorldOptions } from '../machines/world.ts';

/** A world whose bank and histories lie in files and that keeps no events, so that what is measured of memory is not theirs. */
export async function withScaleWorld<Result>(
  options: WorldOptions,
  use: (world: World) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'snapbank-scale-'));
  const place = (name: string) => directoryStore(join(directory, name));
  const world = await startWorld({
    places: { bank: place('bank'), register: place('register'), work: place('work') },
    history: historyDirectory(join(directory, 'histories')),
    keepProgress: false,
    ...options,
  });
  try {
    return await use(world);
  } finally {
    await world.close();
    await rm(directory, { recursive: true, force: true });
  }
}
