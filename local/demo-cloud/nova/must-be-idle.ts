import { Refusal } from '../http/refusal.ts';
import type { Server } from '../state.ts';

/** 409 for a server in another state, which is final, and 409 for a busy one, which passes: only the message tells them apart. */
export function mustBeIdle(server: Server, action: string, vmStates: readonly string[]): void {
  const refuse = (what: string) =>
    new Refusal(409, `Cannot '${action}' instance ${server.id} while it is in ${what}`);
  if (!vmStates.includes(server.vmState)) throw refuse(`vm_state ${server.vmState}`);
  if (server.taskState !== null) throw refuse(`task_state ${server.taskState}`);
}
