import { type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Server } from '../state.ts';

/** The server that the path names; 404 where there is none, or it is another project's and the user is no administrator. */
export function findServer(state: CloudState, call: Call): Server {
  const id = param(call, 'server');
  const server = state.servers.get(id);
  const { project } = call;
  if (server === undefined || (server.projectId !== project.id && !project.admin)) {
    throw new Refusal(404, `Instance ${id} could not be found.`);
  }
  return server;
}
