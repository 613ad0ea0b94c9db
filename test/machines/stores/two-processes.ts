import { join } from 'node:path';
import { randomNumbers } from '../../../local/demo-cloud/faults.ts';
import { leftovers } from '../../interruption/leftovers.ts';
import type { Ended } from '../../interruption/snapbank-process.ts';
import { openStage, type Stage, type StageOptions } from '../../interruption/stage.ts';
import { listCheckpoints } from '../../../lib/bank/register/list-checkpoints.ts';
import { diskInBank } from '../disk-in-bank.ts';
import { expectEqual } from '../outcomes.ts';

export interface TwoProcesses {
  s3?: StageOptions['s3'];
  /** Both back up one server, or each another. */
  sameServer: boolean;
  /** Both keep their executions in one place, or each has its own, as on two computers. */
  sameComputer: boolean;
  seed: number;
}

/** What the second of two may say of the first. */
const NAMED = new Set(['BackupInProgress', 'ExecutionRunning', 'SnapshotBusy', 'ServerBusy']);

/**
 * Two real `snapbank backup` at once on one bank. Both end well, or one with an error that names what the other does; each that ended
 * well has a checkpoint of its own with the server's data; nothing else is there, and nothing is left. Throws what does not hold;
 * returns how the two ended.
 */
export async function twoProcesses(options: TwoProcesses): Promise<string[]> {
  const { s3, sameServer, sameComputer, seed } = options;
  const stage = await openStage({
    s3,
    snapshotFormat: 'raw',
    range: 'yes',
    servers: 2,
    slowness: 500,
    next: randomNumbers(seed),
  });
  try {
    await stage.writeData();
    await stage.succeed('backup', '--all');
    await stage.writeData();
    const names = sameServer ? ['web-1', 'web-1'] : ['web-1', 'web-2'];
    const running = names.map((name, index) =>
      stage.start(
        ['backup', '--server', name],
        sameComputer ? {} : { env: { XDG_STATE_HOME: join(stage.directory, `state-${index}`) } },
      ),
    );
    const ended = await Promise.all(running.map(async ({ ended }) => await ended));
    const made = ended.flatMap(checkpointsOf);
    await expectCheckpoints(stage, made);
    if (made.length < (sameServer ? 1 : 2)) {
      throw new Error(`Too few ended well: ${ended.map(saidBy).join(' ')}`);
    }
    await stage.succeed('verify', '--all');
    const left = await leftovers(stage, new Set([...stage.serverIds, stage.imageId]));
    if (left.length > 0) throw new Error(`Left: ${left.join(', ')}`);
    await stage.succeed('backup', '--all');
    await stage.succeed('collect-garbage', '--force');
    await stage.succeed('verify', '--all');
    return ended.map(outcomeOf);
  } finally {
    await stage.close();
  }
}

/** The checkpoints that were made are those that are there, beside the first two, and hold what their servers hold. */
async function expectCheckpoints(stage: Stage, made: readonly Made[]): Promise<void> {
  const there = new Set<string>();
  for await (const { checkpoint, state } of listCheckpoints(await stage.services.register())) {
    if (state === 'COMMITTED') there.add(checkpoint);
    else if (state !== 'ABORTED') throw new Error(`Checkpoint ${checkpoint} is ${state}.`);
  }
  const distinct = new Set(made.map(({ checkpoint }) => checkpoint));
  const lost = [...distinct].filter((checkpoint) => !there.has(checkpoint));
  if (lost.length > 0) throw new Error(`Lost: ${lost.join(', ')}`);
  if (distinct.size !== made.length || there.size !== made.length + stage.serverIds.length) {
    throw new Error(
      `${made.length} were made, ${distinct.size} of them distinct; ${there.size} are there`,
    );
  }
  for (const { checkpoint, serverId } of made) {
    expectEqual(
      await diskInBank(stage.services, checkpoint),
      await stage.disk(serverId),
      checkpoint,
    );
  }
}

interface Made {
  checkpoint: string;
  serverId: string;
}

function checkpointsOf({ exitCode, events }: Ended): Made[] {
  if (exitCode !== 0) return [];
  const servers = events.at(-1)?.['servers'] as { id: string; checkpoint: string }[];
  return servers.map(({ id, checkpoint }) => ({ checkpoint, serverId: id }));
}

function outcomeOf(ended: Ended): string {
  if (ended.exitCode === 0) return 'SUCCEEDED';
  const last = ended.events.at(-1) as
    | { name: string; servers?: undefined }
    | { servers: { error: { name: string } }[] }
    | undefined;
  const error = (last?.servers === undefined ? last?.name : last.servers[0]?.error.name) ?? '';
  if (!NAMED.has(error)) throw new Error(`It says nothing of the other one: ${saidBy(ended)}`);
  return error;
}

function saidBy({ exitCode, stdout, stderr }: Ended): string {
  return `${String(exitCode)}: ${stdout}${stderr}`;
}
