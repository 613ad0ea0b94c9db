import { type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Server } from '../state.ts';

/** The project's server that the path names; 404 where there is none, or it is another project's. */
export function findServer(state: CloudState, call: Call): Server {
  const id = param(call, 'server');
  const server = state.servers.get(id);
  if (server === undefined || server.projectId !== call.project.id) {
    throw new Refusal(404, `Instance ${id} could not be found.`);
  }
  return server;
}
