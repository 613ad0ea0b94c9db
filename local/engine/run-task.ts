import type { TaskState } from './definition.ts';
import { INTEGRATIONS } from './integrations.ts';
import { exceedsPayloadLimit, type Json, type JsonObject, toJson } from './json.ts';
import type { StateProgress } from './progress.ts';
import { evaluateNumber, evaluateTo, record, type Scope } from './scope.ts';
import { dataLimitExceeded } from './state-failure.ts';

/** Step Functions' own default, a little over three years. */
const DEFAULT_TIMEOUT_SECONDS = 99_999_999;

/** How histories name the resource of a Task. */
export function resourceDetails(state: TaskState): { resourceType: string; resource: string } {
  const { resourceType, resource } = INTEGRATIONS[state.Resource];
  return { resourceType, resource };
}

/** The result of a Task: the recorded one, or that of running it (again, with the recorded arguments, if it was cut off). */
export async function runTask(scope: Scope, state: TaskState, at: StateProgress): Promise<Json> {
  if (at.attempt?.result !== undefined) return JSON.parse(at.attempt.result) as Json;
  const details = resourceDetails(state);
  const { parameters, timeoutSeconds } = at.attempt?.task ?? (await schedule(scope, state, at));
  record(scope, { type: 'TaskStarted', taskStartedEventDetails: details });
  await scope.run.log.durable();
  const result = await INTEGRATIONS[state.Resource].run(
    scope,
    JSON.parse(parameters) as JsonObject,
    timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
  );
  const output = toJson(result);
  if (exceedsPayloadLimit(output)) {
    throw dataLimitExceeded(details.resourceType, { terminal: false });
  }
  record(scope, { type: 'TaskSucceeded', taskSucceededEventDetails: { ...details, output } });
  return result;
}

async function schedule(
  scope: Scope,
  state: TaskState,
  at: StateProgress,
): Promise<{ parameters: string; timeoutSeconds: number | undefined }> {
  const parameters = toJson(await evaluateTo('object', scope, state.Arguments ?? {}, 'Arguments'));
  if (exceedsPayloadLimit(parameters)) throw dataLimitExceeded(at.name, { terminal: true });
  const timeoutInSeconds =
    state.TimeoutSeconds === undefined
      ? undefined
      : await evaluateNumber(scope, state.TimeoutSeconds, 'TimeoutSeconds', { minimum: 1 });
  const details = { ...resourceDetails(state), parameters, timeoutInSeconds };
  record(scope, { type: 'TaskScheduled', taskScheduledEventDetails: details });
  return { parameters, timeoutSeconds: timeoutInSeconds };
}
