import { randomBytes } from 'node:crypto';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import type { Json } from '../../local/engine/json.ts';
import type { MachineName } from '../../local/machines.ts';
import type { World } from '../machines/world.ts';
import { type Memory, memoryNow } from './memory.ts';
import { withScaleWorld } from './scale-world.ts';

const HOUR_MILLISECONDS = 3600_000;

export interface ManyCheckpointsFigures {
  checkpoints: number;
  /** Of one backup, with a tenth of the checkpoints there and with all of them. */
  earlyBackupSeconds: number;
  lateBackupSeconds: number;
  listSeconds: number;
  verifyRecordsSeconds: number;
  pruneSeconds: number;
  pruned: number;
  /** After each quarter of the backups. */
  memory: Memory[];
}

/** A server that is backed up every hour, a little of it changed each time; then everything is looked at and most is pruned. */
export async function keepManyCheckpoints(count: number): Promise<ManyCheckpointsFigures> {
  return await withScaleWorld({}, async (world) => {
    const id = await world.addServer('old', randomBytes(64 * 1024));
    const memory: Memory[] = [];
    const seconds: number[] = [];
    for (let made = 1; made <= count; made += 1) {
      await world.cloud.writeGuest(id, 1024 ** 2, randomBytes(512));
      await world.clock.advance(HOUR_MILLISECONDS);
      seconds.push(await timed(async () => await world.backUp()));
      if (made % Math.ceil(count / 4) === 0) memory.push(memoryNow());
    }
    const tenth = Math.ceil(count / 10);
    const register = await world.services.register();
    let checkpoints = 0;
    const listSeconds = await timed(async () => {
      for await (const { state } of listCheckpoints(register)) {
        if (state === 'COMMITTED') checkpoints += 1;
      }
    });
    const verify = async () => await succeed(world, 'verify', { all: true, level: 'records' });
    const verifyRecordsSeconds = await timed(verify);
    let pruned: Json = 0;
    const pruneSeconds = await timed(async () => {
      const summary = await succeed(world, 'prune', { keep: { last: 10, daily: 7 } });
      pruned = (summary as { pruned: number }).pruned;
    });
    return {
      checkpoints,
      earlyBackupSeconds: mean(seconds.slice(tenth, 2 * tenth)),
      lateBackupSeconds: mean(seconds.slice(-tenth)),
      listSeconds,
      verifyRecordsSeconds,
      pruneSeconds,
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

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
