import { InvalidInput } from '../../lib/errors.ts';
import { type Branch, expressionSource, type TaskState } from './definition.ts';
import type { Bindings } from './execution-options.ts';
import type { Json } from './json.ts';
import type { Definition } from './parse-definition.ts';

/** Throws `InvalidInput` that names every function and service which a definition needs and nothing here provides. */
export function checkBindings(definition: Definition, bindings: Bindings): void {
  const missing = tasksOf(definition.machine).flatMap(([name, task]) => {
    const need = missingFor(task, bindings);
    return need === undefined ? [] : [`${need} for the state ${name}`];
  });
  if (missing.length === 0) return;
  throw new InvalidInput(
    `the state machine cannot be run here, there is no ${missing.join(', no ')}`,
  );
}

function missingFor(task: TaskState, bindings: Bindings): string | undefined {
  const { Resource, Arguments } = task;
  if (Resource === 'arn:aws:states:::events:putEvents') {
    return bindings.putEvents === undefined ? 'events:putEvents' : undefined;
  }
  if (Resource === 'arn:aws:states:::ecs:runTask.sync') {
    return bindings.runTask === undefined ? 'ecs:runTask.sync' : undefined;
  }
  const name = literalFunctionName(Arguments);
  return name === undefined || Object.hasOwn(bindings.invoke, name)
    ? undefined
    : `function ${name}`;
}

/** The name of the function in a Task's arguments, where it is not computed. */
function literalFunctionName(given: Json | undefined): string | undefined {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const name = isObject ? given['FunctionName'] : undefined;
  return typeof name === 'string' && expressionSource(name) === undefined ? name : undefined;
}

function tasksOf(branch: Branch): [name: string, task: TaskState][] {
  return Object.entries(branch.States).flatMap(([name, state]): [string, TaskState][] => {
    if (state.Type === 'Task') return [[name, state]];
    if (state.Type === 'Map') return tasksOf(state.ItemProcessor);
    return state.Type === 'Parallel' ? state.Branches.flatMap(tasksOf) : [];
  });
}
