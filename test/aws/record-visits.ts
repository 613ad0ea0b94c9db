import { randomBytes } from 'node:crypto';
import type { Json } from '../../local/engine/json.ts';
import type { LongPasses, MachineName } from '../../local/machines.ts';
import { startWorld, type World, type WorldOptions } from '../machines/world.ts';
import { type StateVisit, VisitCollector } from './state-visits.ts';

const MIB = 1024 ** 2;

/** Runs the machines against the demo cloud, well and badly, and returns every visit of every state. */
export async function recordVisits(): Promise<StateVisit[]> {
  return [...(await ranged()), ...(await inOnePass())];
}

type Run = (machine: MachineName, input: Json, longPasses?: LongPasses) => Promise<string>;

async function scene(
  options: WorldOptions,
  play: (world: World, run: Run, serverId: string) => Promise<void>,
): Promise<StateVisit[]> {
  const world = await startWorld(options);
  const visits: StateVisit[] = [];
  const run: Run = async (machine, input, longPasses = 'function') => {
    const collector = new VisitCollector(machine, longPasses);
    const outcome = await world.run(machine, input, {
      longPasses,
      onEvent: (event) => collector.follow(event),
    });
    visits.push(...collector.visits);
    return outcome.status;
  };
  try {
    await play(world, run, await world.addServer('web', randomBytes(2 * MIB)));
  } finally {
    await world.close();
  }
  return visits;
}

async function ranged(): Promise<StateVisit[]> {
  return await scene({}, async (world, run) => {
    const failing = { kind: 'status', status: 403, message: 'quota' } as const;
    await run('backup', {});
    await run('backup', { enable_server_snapshot: false });
    await run('restore', { checkpoint: 'web@latest', name: 'again', check: true });
    await run('restore', { checkpoint: 'web@latest', plan_only: true });
    world.cloud.faults.add({ service: 'compute', method: 'POST', path: /\/servers$/ }, failing);
    await run('restore', { checkpoint: 'web@latest', name: 'again' });
    const snapshot = { service: 'compute', method: 'POST', path: /\/action$/ } as const;
    world.cloud.faults.add(snapshot, failing, { times: 100 });
    await run('backup', {});
    await run('backup', { servers: [] });
    await run('verify', {});
    await run('prune', { keep: { last: 1 } });
    await run('collect-garbage', { force: true });
  });
}

async function inOnePass(): Promise<StateVisit[]> {
  const options: WorldOptions = {
    cloud: { images: { range: 'refuse-400' } },
    settings: { functionPassBytes: MIB },
  };
  return await scene(options, async (_world, run) => {
    const restore = { checkpoint: 'web@latest', name: 'again', import: 'stream' };
    await run('backup', {});
    await run('backup', {}, 'container');
    await run('restore', restore, 'container');
  });
}
