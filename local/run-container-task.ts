import * as z from 'zod';
import { runInContainer } from '../functions/container/run-in-container.ts';
import type { Services } from '../lib/services.ts';

/** The part of RunTask's parameters that says what is to be done; where, matters to AWS alone. */
const Parameters = z.object({
  Overrides: z.object({
    ContainerOverrides: z.tuple([z.object({ Command: z.tuple([z.string(), z.string()]) })]),
  }),
});

/** How Step Functions reports a container that ended with an error: without its name. */
class TaskFailed extends Error {
  override readonly name = 'States.TaskFailed' as const;
}

/** `ecs:runTask.sync` of the embedded engine: runs in this process what a container on AWS runs. */
export async function runContainerTask(
  services: Services,
  parameters: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { ContainerOverrides } = Parameters.parse(parameters).Overrides;
  const [state, input] = ContainerOverrides[0].Command;
  try {
    await runInContainer(services, { state, input }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new TaskFailed(JSON.stringify(taskThatEndedWith(1)), { cause: error });
  }
  return taskThatEndedWith(0);
}

/** The part of a task's description that says how it ended. */
function taskThatEndedWith(exitCode: number) {
  return {
    LastStatus: 'STOPPED',
    StoppedReason: 'Essential container in task exited',
    Containers: [{ Name: 'snapbank', ExitCode: exitCode }],
  };
}
