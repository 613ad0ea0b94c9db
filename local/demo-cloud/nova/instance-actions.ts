import { type Answer, type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { hostIdOf, microseconds } from '../identifiers.ts';
import type { CloudState, Server, ServerAction } from '../state.ts';
import { findServer } from './find-server.ts';

/** Notes that something was asked of the server; the request's id finds it again. */
export function recordAction(
  state: CloudState,
  server: Server,
  { action, event, requestId }: { action: string; event: string; requestId: string },
): ServerAction {
  const now = state.clock.now();
  const record: ServerAction = {
    action,
    requestId,
    userId: server.userId,
    projectId: server.projectId,
    startedAt: now,
    updatedAt: now,
    message: null,
    events: [{ event, startedAt: now, finishedAt: null, result: null }],
  };
  server.actions.push(record);
  return record;
}

export function recordCreate(state: CloudState, server: Server, requestId: string): ServerAction {
  const event = 'compute__do_build_and_run_instance';
  return recordAction(state, server, { action: 'create', event, requestId });
}

/** `Error` is all that a failure leaves to be seen. */
export function finishAction(state: CloudState, action: ServerAction, result: 'Success' | 'Error') {
  action.updatedAt = state.clock.now();
  if (result === 'Error') action.message = 'Error';
  for (const event of action.events) {
    event.finishedAt = action.updatedAt;
    event.result = result;
  }
}

export function listActions(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  const instanceActions = server.actions.map((action) => view(server, action, call)).reverse();
  return { status: 200, json: { instanceActions } };
}

export function showAction(state: CloudState, call: Call): Answer {
  const server = findServer(state, call);
  const requestId = param(call, 'request');
  const action = server.actions.find((each) => each.requestId === requestId);
  if (action === undefined) {
    throw new Refusal(404, `Action for request_id ${requestId} on instance ${server.id} not found`);
  }
  const { microversion } = call;
  const events = action.events.map((event) => ({
    event: event.event,
    start_time: microseconds(event.startedAt),
    finish_time: event.finishedAt === null ? null : microseconds(event.finishedAt),
    result: event.result,
    ...(microversion >= 62 ? { hostId: hostIdOf(server.projectId, server.host) } : {}),
  }));
  const instanceAction = {
    ...view(server, action, call),
    ...(microversion >= 51 ? { events } : {}),
  };
  return { status: 200, json: { instanceAction } };
}

const view = (server: Server, action: ServerAction, call: Call) => ({
  action: action.action,
  instance_uuid: server.id,
  request_id: action.requestId,
  user_id: action.userId,
  project_id: action.projectId,
  start_time: microseconds(action.startedAt),
  message: action.message,
  ...(call.microversion >= 58 ? { updated_at: microseconds(action.updatedAt) } : {}),
});
