import * as z from 'zod';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';
import { BootNotProven } from './errors.ts';

/** What a restored server has to do before it counts as proof that the checkpoint boots. */
export const BootProof = z.strictObject({
  /** A text that its console must show; null: to be ACTIVE is enough. */
  console: z.string().min(1).nullable(),
  /** How long it may take to show it, from when it was ACTIVE. */
  waitSeconds: z.int().positive(),
});
export type BootProof = z.infer<typeof BootProof>;

/** Guests tell of their start within so many lines. */
const CONSOLE_LINES = 2000;

/**
 * Whether an ACTIVE server has shown what it has to. Throws `BootNotProven` when its time is over. What else the console says may be
 * anybody's secret, and stays there.
 */
export async function hasBooted(
  openstack: OpenStack,
  server: Server,
  { console, waitSeconds }: BootProof,
  { now, signal }: { now: number; signal: AbortSignal },
): Promise<boolean> {
  if (console === null) return true;
  const text = await openstack.servers.consoleOutput(server.id, { lines: CONSOLE_LINES, signal });
  if (text.includes(console)) return true;
  const since = Date.parse(server.launchedAt ?? server.createdAt ?? '');
  if (now - since < waitSeconds * 1000) return false;
  const lines = text.split('\n').length - 1;
  throw new BootNotProven(
    `Server ${server.id} was ACTIVE for ${String(waitSeconds)} s, and its console (${String(lines)} lines) does not show "${console}".`,
    { identifiers: { serverId: server.id } },
  );
}
