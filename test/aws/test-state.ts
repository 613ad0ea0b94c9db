import { type SFNClient, TestStateCommand, type TestStateCommandInput } from '@aws-sdk/client-sfn';
import { readFileSync } from 'node:fs';
import { readDefinition, WORKER_STATE_SECONDS } from '../../infra/definitions.ts';
import { NO_CONTAINERS } from '../../infra/no-containers.ts';
import type { StateVisit } from './state-visits.ts';

/** Retriers are used up, so that an error goes to its catcher. */
const RETRIES_BEHIND = 1000;

/** A definition as it is deployed to an account that does not have to be there: TestState calls none of what it names. */
export function definitionOf({
  machine,
  longPasses,
}: Pick<StateVisit, 'machine' | 'longPasses'>): string {
  const { file, functions } = readDefinition(machine);
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:';
  const values: Record<string, string> = {
    ...Object.fromEntries(functions.map((name) => [`${name}FunctionArn`, `${arn}${name}`])),
    ...NO_CONTAINERS,
    LongPasses: longPasses,
    WorkBucket: 'work',
    WorkPrefix: '',
    EventBusName: 'default',
    WorkerTimeoutSeconds: String(WORKER_STATE_SECONDS),
  };
  return readFileSync(file, 'utf8').replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Nothing is known to put in place of ${whole}.`);
    return value;
  });
}

/**
 * What TestState is asked for a visit: the deployed definition, one state of it, and what its service answered here. Undefined for
 * what it cannot be asked about: the Map's own results are not in a history, and a Wait would wait.
 */
export function testOf(visit: StateVisit): TestStateCommandInput | undefined {
  const { state, type, input, variables, answer } = visit;
  if (type === 'Map' || type === 'Wait') return undefined;
  const common = {
    definition: definitionOf(visit),
    stateName: state,
    input,
    variables: `{${Object.entries(variables)
      .map(([name, value]) => `${JSON.stringify(name)}:${value}`)
      .join(',')}}`,
    inspectionLevel: 'INFO' as const,
  };
  if (answer === undefined) return common;
  const context = JSON.stringify({
    Execution: {
      Id: 'arn:aws:states:eu-central-1:123456789012:execution:snapbank:test',
      Name: 'test',
      StartTime: '2026-01-01T00:00:00.000Z',
      Input: {},
    },
  });
  if ('result' in answer) {
    // The answers are of this project's own functions: there is no model of AWS to validate them by.
    const mock = { result: answer.result, fieldValidationMode: 'NONE' as const };
    return { ...common, context, mock };
  }
  return {
    ...common,
    context,
    mock: { errorOutput: { error: answer.error, cause: answer.cause } },
    stateConfiguration: { retrierRetryCount: RETRIES_BEHIND },
  };
}

/** How Step Functions differs from the embedded engine in a visit; empty where it does not, or cannot be asked. */
export async function differencesOf(client: SFNClient, visit: StateVisit): Promise<string[]> {
  const request = testOf(visit);
  if (request === undefined) return [];
  const { status, output, nextState, error, cause } = await client.send(
    new TestStateCommand(request),
  );
  const failed = visit.answer !== undefined && 'error' in visit.answer;
  const expected = failed ? 'CAUGHT_ERROR' : 'SUCCEEDED';
  const what = `${visit.machine}/${visit.state}`;
  const differences: string[] = [];
  if (status !== expected) {
    differences.push(`${what}: ${status ?? ''} (${error ?? ''} ${cause ?? ''}), not ${expected}`);
  }
  if ((nextState ?? null) !== visit.next) {
    differences.push(`${what}: goes to ${nextState ?? 'the end'}, not ${visit.next ?? 'the end'}`);
  }
  // The id of the execution is another one here.
  if (!usesContext(request.definition ?? '', visit.state) && !isSame(output, visit.output)) {
    differences.push(`${what}: gives ${output ?? 'nothing'}, not ${visit.output}`);
  }
  return differences;
}

function usesContext(definition: string, state: string): boolean {
  const found: unknown[] = [];
  JSON.parse(definition, (key, value: unknown) => {
    if (key === state) found.push(value);
    return value;
  });
  return JSON.stringify(found).includes('$states.context');
}

function isSame(one: string | undefined, other: string): boolean {
  return one !== undefined && sorted(one) === sorted(other);
}

function sorted(json: string): string {
  return JSON.stringify(JSON.parse(json), sortedKeys);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
}
