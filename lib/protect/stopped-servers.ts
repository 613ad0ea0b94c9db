import * as z from 'zod';
import { isAlive } from '../bank/register/lease.ts';
import { CheckpointId } from '../bank/register/ids.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import { decodeSigned, encodeSigned } from '../bank/register/signed-json.ts';
import { getIfThere } from '../bank/store/get-if-there.ts';
import { DeadlineExceeded } from '../errors.ts';
import { ServerBusy, ServerInWrongState, ServerNotFound } from '../openstack/errors.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Services } from '../services.ts';
import { nextWaitSeconds } from './snapshot.ts';

/** Servers that a backup stopped lie here until they run again, in the register: it is what outlives every execution. */
const PREFIX = 'stopped/';
/** A guest may take Nova's whole `shutdown_timeout`, and a snapshot that is given up must end before a start. */
const DEADLINE_SECONDS = 30 * 60;

const StoppedServer = z.object({
  checkpoint: CheckpointId,
  serverId: z.string(),
  execution: z.string(),
  at: z.iso.datetime(),
});
export type StoppedServer = z.infer<typeof StoppedServer>;

/** How far stopping or starting has come. */
export interface PowerProgress {
  done: boolean;
  startedAt: string;
  waitSeconds: number;
}

export interface PowerTarget {
  checkpoint: string;
  serverId: string;
  /** Of the first call; null in that. */
  startedAt: string | null;
}

/**
 * Stops a server that runs, and notes before that it is to be started again; one that does not run stays as it is. Done when it writes
 * nothing any more. Throws `DeadlineExceeded`, `ServerNotFound`.
 */
export async function stopServer(
  services: Services,
  target: PowerTarget & { execution: string },
  signal: AbortSignal,
): Promise<PowerProgress> {
  const { checkpoint, serverId, execution } = target;
  const openstack = await services.openstack();
  const now = services.clock.now();
  const { taskState, status } = await openstack.servers.show(serverId, { signal });
  if (taskState === null && status !== 'ACTIVE') return progressOf(target, true, now);
  if (taskState === null) {
    const at = new Date(now).toISOString();
    await noteStopped(await services.register(), { checkpoint, serverId, execution, at }, signal);
    await unlessBusy(openstack.servers.stop(serverId, { signal }));
  }
  return progressOf(target, false, now);
}

/**
 * Starts the server again that the checkpoint's backup stopped; where it stopped none, there is nothing to do. Done when the server has
 * left SHUTOFF, and the note is gone. Throws `DeadlineExceeded`.
 */
export async function startServer(
  services: Services,
  target: Omit<PowerTarget, 'serverId'>,
  signal: AbortSignal,
): Promise<PowerProgress> {
  const register = await services.register();
  const now = services.clock.now();
  const stopped = await readStopped(register, keyOf(target.checkpoint), signal);
  if (stopped === undefined) return progressOf(target, true, now);
  const done = await startAgain(await services.openstack(), stopped, signal);
  if (done) await register.store.delete([keyOf(target.checkpoint)], { signal });
  return progressOf(target, done, now);
}

/**
 * For the sweep, and for a command that is interrupted: starts what `isLost` says nobody else will start. What cannot be started now is
 * left for the next time, with a warning. Returns the ids of all, and how many did not run yet when they were looked at.
 */
export async function startLostServers(
  services: Services,
  isLost: (stopped: StoppedServer) => boolean | Promise<boolean>,
  signal: AbortSignal,
): Promise<{ serverIds: string[]; left: number }> {
  const register = await services.register();
  const serverIds: string[] = [];
  let left = 0;
  for await (const { key } of register.store.list(PREFIX, { signal })) {
    const stopped = await readStopped(register, key, signal);
    if (stopped === undefined || !(await isLost(stopped))) continue;
    const { checkpoint, serverId } = stopped;
    try {
      const done = await startAgain(await services.openstack(), stopped, signal);
      if (done) await register.store.delete([key], { signal });
      else left += 1;
      serverIds.push(serverId);
    } catch (error) {
      signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      services.log.warn('A server that was stopped for its backup cannot be started', {
        checkpoint,
        serverId,
        reason,
      });
    }
  }
  return { serverIds, left };
}

/** Whether no execution is left that would start the server. */
export async function isForgotten(
  services: Services,
  { checkpoint }: StoppedServer,
  signal: AbortSignal,
): Promise<boolean> {
  const register = await services.register();
  const head = await readRecord(register, checkpoint, { signal });
  if (head.kind !== 'live' || head.value.state !== 'OPEN') return true;
  return !(await isAlive(register, head.value));
}

async function startAgain(
  openstack: OpenStack,
  { serverId }: StoppedServer,
  signal: AbortSignal,
): Promise<boolean> {
  const server = await openstack.servers.show(serverId, { signal }).catch((error: unknown) => {
    if (error instanceof ServerNotFound) return undefined;
    throw error;
  });
  if (server === undefined) return true;
  if (server.taskState !== null) return false;
  if (server.status !== 'SHUTOFF') return true;
  await unlessBusy(openstack.servers.start(serverId, { signal }));
  return false;
}

/** The next look at the server tells more. */
async function unlessBusy(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!(error instanceof ServerBusy || error instanceof ServerInWrongState)) throw error;
  }
}

function progressOf(
  { checkpoint, startedAt: began }: Omit<PowerTarget, 'serverId'>,
  done: boolean,
  now: number,
): PowerProgress {
  const startedAt = began ?? new Date(now).toISOString();
  if (!done && now - Date.parse(startedAt) > DEADLINE_SECONDS * 1000) {
    throw new DeadlineExceeded(
      `The server of checkpoint ${checkpoint} did not stop, or start again, within ${String(DEADLINE_SECONDS)} s.`,
      { identifiers: { checkpoint } },
    );
  }
  return { done, startedAt, waitSeconds: nextWaitSeconds(startedAt, now) };
}

function keyOf(checkpoint: string): string {
  return `${PREFIX}${checkpoint}`;
}

async function noteStopped(
  { store, nameKey }: Register,
  stopped: StoppedServer,
  signal: AbortSignal,
): Promise<void> {
  const key = keyOf(stopped.checkpoint);
  await store.put(key, encodeSigned(nameKey, key, stopped), { signal });
}

/** The note; where it was altered, what the checkpoint's record says of its server: one that was stopped is to run again all the same. */
async function readStopped(
  register: Register,
  key: string,
  signal: AbortSignal,
): Promise<StoppedServer | undefined> {
  const bytes = await getIfThere(register.store, key, { signal });
  if (bytes === undefined) return undefined;
  try {
    return StoppedServer.parse(decodeSigned(register.nameKey, key, bytes));
  } catch {
    return await fromRecord(register, key.slice(PREFIX.length), signal);
  }
}

async function fromRecord(
  register: Register,
  id: string,
  signal: AbortSignal,
): Promise<StoppedServer | undefined> {
  const { data: checkpoint } = CheckpointId.safeParse(id);
  if (checkpoint === undefined) return undefined;
  const head = await readRecord(register, checkpoint, { signal });
  if (head.kind !== 'live') return undefined;
  const { server, execution, createdAt: at } = head.value;
  return { checkpoint, serverId: server.serverId, execution: execution.id, at };
}
