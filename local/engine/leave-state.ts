import type { State } from './definition.ts';
import { exceedsPayloadLimit, type Json, type JsonObject, toJson } from './json.ts';
import { currentState, evaluate, record, type Scope } from './scope.ts';
import { dataLimitExceeded } from './state-failure.ts';

/** What a state, a rule of a Choice or a catcher says about leaving. */
interface Exit {
  Output?: Json;
  Assign?: JsonObject;
  Next?: string;
}

/** Leaves the state. Output and Assign are evaluated side by side from the values at its entry. */
export async function leaveState(
  scope: Scope,
  state: State,
  exit: Exit,
  options: { output: Json; states?: JsonObject; place?: string },
): Promise<void> {
  const { name } = currentState(scope);
  const { place = '', states = {} } = options;
  const [output, assigned] = await Promise.all([
    exit.Output === undefined
      ? options.output
      : evaluate(scope, exit.Output, `${place}Output`, { states }),
    evaluate(scope, exit.Assign ?? {}, `${place}Assign`, { states }),
  ]);
  const outputJson = toJson(output);
  if (exceedsPayloadLimit(outputJson) || exceedsPayloadLimit(toJson(assigned))) {
    throw dataLimitExceeded(name, { terminal: true });
  }
  const variables = Object.entries(assigned as JsonObject).map(
    ([variable, value]) => [variable, toJson(value)] as const,
  );
  const assignedVariables = variables.length === 0 ? undefined : Object.fromEntries(variables);
  record(scope, {
    type: `${state.Type}StateExited`,
    stateExitedEventDetails: { name, output: outputJson, assignedVariables },
    next: exit.Next,
  });
}
