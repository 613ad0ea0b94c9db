import type { Server } from '../openstack/server.ts';

/**
 * The same servers, in turn one of each compute host as far as it goes: those that are backed up at the same time burden as many hosts
 * as there are. Of a name without a server nothing is known; all of these come first.
 */
export function spreadOverHosts(servers: readonly (Server | string)[]): (Server | string)[] {
  const byHost = new Map<string, (Server | string)[]>();
  const unknown: (Server | string)[] = [];
  for (const server of servers) {
    if (typeof server === 'string' || server.hostId === '') unknown.push(server);
    else byHost.set(server.hostId, [...(byHost.get(server.hostId) ?? []), server]);
  }
  const rounds = Math.max(0, ...[...byHost.values()].map(({ length }) => length));
  const turns = Array.from({ length: rounds }, (_, round) =>
    [...byHost.values()].flatMap((ofHost) => ofHost.slice(round, round + 1)),
  );
  return [...unknown, ...turns.flat()];
}
