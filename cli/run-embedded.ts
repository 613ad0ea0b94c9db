import { requireHome } from '../lib/bank/home.ts';
import type { Services } from '../lib/services.ts';
import { ExecutionAlreadyExists, HistoryCorrupt } from '../local/engine/errors.ts';
import { runMachine } from '../local/run-machine.ts';
import type { CommandContext } from './context.ts';
import {
  type Command,
  isHistoryFresh,
  type NamedExecution,
  nameExecution,
} from './name-execution.ts';
import { stoppedMessage } from './machine-failure.ts';
import type { EndedExecution, ExecutionRun } from './run-execution.ts';

/**
 * Runs a state machine in this process for a command, continuing the execution that an interrupted command of the same words left.
 * Throws `ExecutionStopped` when it was stopped before its end.
 */
export async function runEmbedded(
  context: CommandContext,
  run: ExecutionRun,
): Promise<EndedExecution> {
  const { machine, input, display, options, usesCloud } = run;
  const startedAt = Date.now();
  const services = await context.services({ progress: (event) => display.advance(event) });
  // Else each server would fail of it alone.
  if (machine === 'backup') requireHome(await services.bank());
  const scope = await scopeOf(services, usesCloud, context.signal);
  const command = { machine, scope, input };
  const nextName = async () =>
    await nameExecution(
      context.stateDirectory,
      command,
      options.execution,
      async (name) => await isHistoryFresh(context.stateDirectory, machine, name),
    );
  try {
    let execution = await nextName();
    let ran = await runNamed(context, run, services, execution);
    if (ran === undefined) {
      await execution.ended();
      execution = await nextName();
      ran = await runNamed(context, run, services, execution);
    }
    if (ran === undefined || ran.outcome.status === 'ABORTED') {
      await run.whenStopped?.(services, execution.name).catch((error: unknown) => {
        context.output.warn(error instanceof Error ? error.message : String(error));
      });
      throw stoppedMessage(execution.name);
    }
    await execution.ended();
    return {
      name: execution.name,
      arn: undefined,
      ...ran,
      elapsedMilliseconds: Date.now() - startedAt,
      readWork: async (key) => await services.places.work.get(key),
    };
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
  const { homeId } = (await services.bank()).info;
  if (!usesCloud) return [homeId];
  const { cloud, region, projectId } = await (await services.openstack()).identity({ signal });
  return [homeId, cloud, region, projectId];
}

/** How it ended, and when it was begun if that was before this command. */
type Ran = Pick<EndedExecution, 'outcome' | 'continuedFrom'>;

/** Undefined where there is nothing to continue: the execution had failed for good, or an older version of snapbank began it. */
async function runNamed(
  context: CommandContext,
  { machine, input, display }: ExecutionRun,
  services: Services,
  { name, continued }: NamedExecution,
): Promise<Ran | undefined> {
  let begun: Date | undefined;
  let wasBegun = false;
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
        if (begun === undefined) {
          begun = new Date(event.timestamp);
          wasBegun = recorded;
          // Not before: where another process runs it, it is neither interrupted nor continued.
          context.output.event({ type: 'execution', name, continued: continued || recorded });
          if (continued) context.output.warn(`Continuing ${name}, which was interrupted.`);
        }
        anythingNew ||= !recorded;
        display.follow(event);
      },
    });
    const ran = { outcome, continuedFrom: wasBegun ? begun : undefined };
    if (!continued || anythingNew) return ran;
    // It was killed after its end and before anybody was told of it. To do it again would make a second server.
    return outcome.status === 'SUCCEEDED' ? ran : undefined;
  } catch (error) {
    const unusable = error instanceof ExecutionAlreadyExists || error instanceof HistoryCorrupt;
    if (!continued || !unusable) throw error;
    context.output.warn(`${name} cannot be continued (${error.message}); starting anew.`);
    return undefined;
  }
}
