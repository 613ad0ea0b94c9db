import { type Answer, type Call, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Server } from '../state.ts';
import { createImage } from './create-image.ts';
import { findServer } from './find-server.ts';
import { finishAction, recordAction } from './instance-actions.ts';
import { mustBeIdle } from './must-be-idle.ts';

interface Transition {
  /** As the instance action and error messages name it. */
  action: string;
  from: readonly string[];
  taskState: string;
  to: { status: string; vmState: string; powerState: number };
}

const active = { status: 'ACTIVE', vmState: 'active', powerState: 1 };
const transitions: Record<string, Transition> = {
  'os-stop': {
    action: 'stop',
    from: ['active', 'error'],
    taskState: 'powering-off',
    to: { status: 'SHUTOFF', vmState: 'stopped', powerState: 4 },
  },
  'os-start': { action: 'start', from: ['stopped'], taskState: 'powering-on', to: active },
  pause: {
    action: 'pause',
    from: ['active'],
    taskState: 'pausing',
    to: { status: 'PAUSED', vmState: 'paused', powerState: 3 },
  },
  unpause: { action: 'unpause', from: ['paused'], taskState: 'unpausing', to: active },
  suspend: {
    action: 'suspend',
    from: ['active'],
    taskState: 'suspending',
    to: { status: 'SUSPENDED', vmState: 'suspended', powerState: 4 },
  },
  resume: { action: 'resume', from: ['suspended'], taskState: 'resuming', to: active },
  reboot: { action: 'reboot', from: ['active'], taskState: 'rebooting', to: active },
};

/** `POST /servers/{server}/action` */
export async function serverAction(state: CloudState, call: Call): Promise<Answer> {
  const body = (await readJson(call)) as Record<string, unknown> | null;
  const [name = '', ...others] = Object.keys(body ?? {});
  if (others.length > 0) throw new Refusal(400, 'There should be exactly one action.');
  const transition = transitions[name];
  if (
    transition === undefined &&
    !['createImage', 'lock', 'unlock', 'os-getConsoleOutput'].includes(name)
  ) {
    throw new Refusal(400, `There is no such action: ${name}`);
  }
  const server = findServer(state, call);
  if (transition !== undefined) return change(state, call, server, transition);
  if (name === 'createImage') return createImage(state, call, server, body?.[name]);
  if (name === 'os-getConsoleOutput') {
    return { status: 200, json: { output: `demo guest of server ${server.id} is up\n` } };
  }
  server.locked = name === 'lock';
  return { status: 202, headers: { 'Content-Type': 'application/json' } };
}

function change(state: CloudState, call: Call, server: Server, transition: Transition): Answer {
  mustBeIdle(server, transition.action, transition.from);
  const { action, taskState, to } = transition;
  const record = recordAction(state, server, {
    action,
    event: `compute_${action}_instance`,
    requestId: call.requestId,
  });
  server.taskState = taskState;
  state.schedule.start(
    [server.id],
    [
      {
        atMs: state.clock.now() + state.settings.durations.actionMs,
        run() {
          Object.assign(server, to, { taskState: null, updatedAt: state.clock.now() });
          finishAction(state, record, 'Success');
        },
      },
    ],
  );
  return { status: 202, headers: { 'Content-Type': 'application/json' } };
}
