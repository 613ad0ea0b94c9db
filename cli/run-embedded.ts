import type { ProgressEvent, Services } from '../lib/services.ts';
import { ExecutionAlreadyExists, HistoryCorrupt } from '../local/engine/errors.ts';
import type { ExecutionOutcome } from '../local/engine/execution-options.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { JsonObject } from '../local/engine/json.ts';
import type { MachineName } from '../local/machines.ts';
import { runMachine } from '../local/run-machine.ts';
import type { CommandContext } from './context.ts';
import { type Command, type NamedExecution, nameExecution } from './executions.ts';
import { stoppedMessage } from './machine-failure.ts';

/** Shows how an execution gets on. */
export interface ExecutionDisplay {
  follow(event: HistoryEvent): void;
  advance(event: ProgressEvent): void;
  close(): void;
}

export interface EmbeddedRun {
  machine: MachineName;
  input: JsonObject;
  display: ExecutionDisplay;
  /** Name of the execution, where the user gave one. */
  givenName: string | undefined;
  /** False for what needs the bank alone. */
  usesCloud: boolean;
}

export interface EmbeddedOutcome {
  name: string;
  outcome: ExecutionOutcome;
  services: Services;
  elapsedMilliseconds: number;
}

/**
 * Runs a state machine in this process for a command, continuing the execution that an interrupted command of the same words left.
 * Throws `ExecutionStopped` when it was stopped before its end.
 */
export async function runEmbedded(
  context: CommandContext,
  run: EmbeddedRun,
): Promise<EmbeddedOutcome> {
  const { machine, input, display, givenName, usesCloud } = run;
  const startedAt = Date.now();
  const services = await context.services({ progress: (event) => display.advance(event) });
  const scope = await scopeOf(services, usesCloud, context.signal);
  const command = { machine, scope, input };
  try {
    let execution = await nameExecution(context.stateDirectory, command, givenName);
    let outcome = await runNamed(context, run, services, execution);
    if (outcome === undefined) {
      await execution.ended();
      execution = await nameExecution(context.stateDirectory, command, givenName);
      outcome = await runNamed(context, run, services, execution);
    }
    if (outcome === undefined || outcome.status === 'ABORTED') throw stoppedMessage(execution.name);
    await execution.ended();
    return { name: execution.name, outcome, services, elapsedMilliseconds: Date.now() - startedAt };
  } finally {
    display.close();
  }
}

/** Bank and cloud, opened here: wrong keys and credentials are told before anything is started. */
async function scopeOf(
  services: Services,
  usesCloud: boolean,
  signal: AbortSignal,
): Promise<Command['scope']> {
  const { bankId } = (await services.bank()).info;
  if (!usesCloud) return [bankId];
  const { cloud, region, projectId } = await (await services.openstack()).identity({ signal });
  return [bankId, cloud, region, projectId];
}

/** Undefined where there is nothing to continue: the execution had ended, or an older version of snapbank began it. */
async function runNamed(
  context: CommandContext,
  { machine, input, display }: EmbeddedRun,
  services: Services,
  { name, continued }: NamedExecution,
): Promise<ExecutionOutcome | undefined> {
  context.output.event({ type: 'execution', name, continued });
  if (continued) context.output.warn(`Continuing ${name}, which was interrupted.`);
  let anythingNew = false;
  try {
    const outcome = await runMachine({
      machine,
      name,
      input,
      services,
      history: context.history,
      signal: context.signal,
      onEvent: (event, recorded) => {
        anythingNew ||= !recorded;
        display.follow(event);
      },
    });
    return continued && !anythingNew ? undefined : outcome;
  } catch (error) {
    const unusable = error instanceof ExecutionAlreadyExists || error instanceof HistoryCorrupt;
    if (!continued || !unusable) throw error;
    context.output.warn(`${name} cannot be continued (${error.message}); starting anew.`);
    return undefined;
  }
}
