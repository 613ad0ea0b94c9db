import { randomBytes } from 'node:crypto';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import type { Json } from '../../local/engine/json.ts';
import type { MachineName } from '../../local/machines.ts';
import type { World } from '../machines/world.ts';
import { type Memory, memoryNow } from './memory.ts';
import { type Requests, withScaleWorld } from './scale-world.ts';

const HOUR_MILLISECONDS = 3600_000;

export interface ManyCheckpointsFigures {
  checkpoints: number;
  /** One backup with a tenth of the checkpoints there, and with all of them. */
  earlyBackup: Cost;
  lateBackup: Cost;
  list: Cost;
  verifyRecords: Cost;
  prune: Cost;
  pruned: number;
  /** After each quarter of the backups. */
  memory: Memory[];
}

export interface Cost extends Requests {
  seconds: number;
}

/** A server that is backed up every hour, a little of it changed each time; then everything is looked at and most is pruned. */
export async function keepManyCheckpoints(count: number): Promise<ManyCheckpointsFigures> {
  return await withScaleWorld({}, async (world, requests) => {
    const costOf = async (work: () => Promise<unknown>): Promise<Cost> => {
      const before = requests();
      const startedAt = performance.now();
      await work();
      const seconds = (performance.now() - startedAt) / 1000;
      const { register, all } = requests();
      return { seconds, register: register - before.register, all: all - before.all };
    };
    const id = await world.addServer('old', randomBytes(64 * 1024));
    const memory: Memory[] = [];
    const backups: Cost[] = [];
    for (let made = 1; made <= count; made += 1) {
      await world.cloud.writeGuest(id, 1024 ** 2, randomBytes(512));
      await world.clock.advance(HOUR_MILLISECONDS);
      backups.push(await costOf(async () => await world.backUp()));
      if (made % Math.ceil(count / 4) === 0) memory.push(memoryNow());
    }
    const tenth = Math.ceil(count / 10);
    const register = await world.services.register();
    let checkpoints = 0;
    const list = await costOf(async () => {
      for await (const { state } of listCheckpoints(register)) {
        if (state === 'COMMITTED') checkpoints += 1;
      }
    });
    const verify = async () => await succeed(world, 'verify', { all: true, level: 'records' });
    const verifyRecords = await costOf(verify);
    let pruned: Json = 0;
    const prune = await costOf(async () => {
      const summary = await succeed(world, 'prune', { keep: { last: 10, daily: 7 } });
      pruned = (summary as { pruned: number }).pruned;
    });
    return {
      checkpoints,
      earlyBackup: mean(backups.slice(tenth, 2 * tenth)),
      lateBackup: mean(backups.slice(-tenth)),
      list,
      verifyRecords,
      prune,
      pruned,
      memory,
    };
  });
}

async function succeed(world: World, machine: MachineName, input: Json): Promise<unknown> {
  const { status, output, error, cause } = await world.run(machine, input);
  if (status === 'SUCCEEDED') return output;
  throw new Error(`${machine} ${status}: ${error ?? ''} ${cause ?? ''}`);
}

function mean(costs: readonly Cost[]): Cost {
  const of = (what: keyof Cost) => costs.reduce((sum, cost) => sum + cost[what], 0) / costs.length;
  return { seconds: of('seconds'), register: of('register'), all: of('all') };
}
