import type { TaskState } from './definition.ts';
import type { EventEntry, FunctionContext } from './execution-options.ts';
import { type Json, type JsonObject, toJson } from './json.ts';
import type { Scope } from './scope.ts';
import { StateFailure } from './state-failure.ts';
import { stoppable } from './stoppable.ts';

interface Integration {
  /** As histories name it. */
  readonly resourceType: string;
  readonly resource: string;
  /** Returns JSON that nobody else holds; throws `StateFailure` as Step Functions reports the service's errors. */
  run(scope: Scope, parameters: JsonObject, timeoutSeconds: number): Promise<Json>;
}

export const INTEGRATIONS: Readonly<Record<TaskState['Resource'], Integration>> = {
  'arn:aws:states:::lambda:invoke': {
    resourceType: 'lambda',
    resource: 'invoke',
    run: invokeFunction,
  },
  'arn:aws:states:::events:putEvents': {
    resourceType: 'events',
    resource: 'putEvents',
    run: putEvents,
  },
  'arn:aws:states:::ecs:runTask.sync': {
    resourceType: 'ecs',
    resource: 'runTask.sync',
    run: runContainer,
  },
};

const LAMBDA_TIMEOUT_SECONDS = 900;
const STOP_GRACE_SECONDS = 30;

async function invokeFunction(
  scope: Scope,
  parameters: JsonObject,
  timeoutSeconds: number,
): Promise<Json> {
  const { options, chance } = scope.run;
  const { FunctionName: given } = parameters;
  const functionName = typeof given === 'string' ? given : toJson(given);
  const handler = Object.hasOwn(options.invoke, functionName)
    ? options.invoke[functionName]
    : undefined;
  if (handler === undefined) {
    throw new StateFailure(
      'Lambda.ResourceNotFoundException',
      `Function not found: ${functionName}`,
    );
  }
  const functionSeconds = options.functionTimeoutSeconds?.[functionName] ?? LAMBDA_TIMEOUT_SECONDS;
  const awsRequestId = chance.uuid();
  const functionEnds = options.clock.now() + functionSeconds * 1000;
  const timedOut = lambdaFailure(
    'Sandbox.Timedout',
    `RequestId: ${awsRequestId} Error: Task timed out after ${functionSeconds.toFixed(2)} seconds`,
  );
  const result = await runOutside(
    scope,
    functionSeconds < timeoutSeconds
      ? { seconds: functionSeconds, failure: timedOut }
      : { seconds: timeoutSeconds, failure: stateTimeout() },
    async (signal) => {
      const context: FunctionContext = {
        functionName,
        invokedFunctionArn: functionName,
        awsRequestId,
        getRemainingTimeInMillis: () => Math.max(0, functionEnds - options.clock.now()),
        signal,
      };
      return await handler(parameters['Payload'] ?? {}, context);
    },
    (error) =>
      error instanceof Error
        ? lambdaFailure(error.name, error.message, error.stack)
        : lambdaFailure(typeof error, String(error)),
  );
  return { Payload: result, StatusCode: 200 };
}

/** What Step Functions makes of an error of a function. Of the error only its name, message and the places it came through. */
function lambdaFailure(errorType: string, errorMessage: string, stack = ''): StateFailure {
  const trace = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return new StateFailure(errorType, JSON.stringify({ errorType, errorMessage, trace }));
}

async function putEvents(
  scope: Scope,
  parameters: JsonObject,
  timeoutSeconds: number,
): Promise<Json> {
  const put = required(scope.run.options.putEvents, 'events:putEvents');
  const entries = (parameters['Entries'] ?? []) as unknown as EventEntry[];
  await runOutside(
    scope,
    { seconds: timeoutSeconds, failure: stateTimeout() },
    (signal) => put(entries, { signal }),
    serviceFailure,
  );
  return {
    Entries: entries.map(() => ({ EventId: scope.run.chance.uuid() })),
    FailedEntryCount: 0,
  };
}

async function runContainer(
  scope: Scope,
  parameters: JsonObject,
  timeoutSeconds: number,
): Promise<Json> {
  const run = required(scope.run.options.runTask, 'ecs:runTask.sync');
  return await runOutside(
    scope,
    { seconds: timeoutSeconds, failure: stateTimeout() },
    (signal) => run(parameters, { signal }),
    serviceFailure,
  );
}

function required<T>(binding: T | undefined, resource: string): T {
  if (binding !== undefined) return binding;
  throw new StateFailure('States.Runtime', `nothing here does ${resource}`, { terminal: true });
}

function stateTimeout(): StateFailure {
  return new StateFailure('States.Timeout', undefined, { timedOut: true });
}

function serviceFailure(error: unknown): StateFailure {
  return error instanceof Error
    ? new StateFailure(error.name, error.message)
    : new StateFailure('States.TaskFailed', String(error));
}

async function runOutside(
  scope: Scope,
  timeout: { seconds: number; failure: StateFailure },
  work: (signal: AbortSignal) => Promise<unknown>,
  failureOf: (error: unknown) => StateFailure,
): Promise<Json> {
  const { clock, stopGraceSeconds = STOP_GRACE_SECONDS } = scope.run.options;
  return await stoppable(
    {
      clock,
      signal: scope.signal,
      timeoutMilliseconds: timeout.seconds * 1000,
      onTimeout: () => timeout.failure,
      graceMilliseconds: stopGraceSeconds * 1000,
    },
    async (signal) => {
      try {
        return JSON.parse(toJson(await work(signal))) as Json;
      } catch (error) {
        throw failureOf(error);
      }
    },
  );
}
