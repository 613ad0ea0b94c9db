import type { MapState } from './definition.ts';
import { placeOf } from './item-reader.ts';
import { type Json, type JsonObject, toJson } from './json.ts';
import type { ScopeProgress } from './progress.ts';
import { evaluateTo, type Scope } from './scope.ts';
import { StateFailure } from './state-failure.ts';

/** An execution that a DISTRIBUTED Map started, or (without progress) did not come to. */
export interface ChildExecution {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  readonly progress: ScopeProgress | undefined;
}

/** What Step Functions writes about such an execution (WriterConfig's transformation NONE). */
export function describeChild(scope: Scope, child: ChildExecution): JsonObject {
  const { id, name, input, progress } = child;
  const included = { Included: true };
  if (progress === undefined) return { Input: input, InputDetails: included, Status: 'PENDING' };
  const { ended = { status: 'ABORTED' as const } } = progress;
  const succeeded = ended.status === 'SUCCEEDED';
  return {
    ...('cause' in ended && ended.cause !== undefined ? { Cause: ended.cause } : {}),
    ...('error' in ended && ended.error !== undefined ? { Error: ended.error } : {}),
    ExecutionArn: id,
    Input: input,
    InputDetails: included,
    Name: name,
    ...(succeeded ? { Output: ended.output } : {}),
    OutputDetails: included,
    RedriveCount: 0,
    RedriveStatus: succeeded ? 'NOT_REDRIVABLE' : 'REDRIVABLE',
    ...(succeeded ? { RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven' } : {}),
    StartDate: progress.startedAt ?? null,
    StateMachineArn: `local:${scope.run.options.stateMachineName}`,
    Status: ended.status,
    StopDate: progress.endedAt ?? null,
  };
}

/**
 * Writes the results of a Map run below the prefix as Step Functions lays them out: manifest.json and SUCCEEDED_0.json, FAILED_0.json
 * and PENDING_0.json, each where it has something to hold. Returns the Map's result, which names the manifest.
 */
export async function writeResults(
  scope: Scope,
  writer: NonNullable<MapState['ResultWriter']>,
  mapRunArn: string,
  children: readonly ChildExecution[],
): Promise<Json> {
  const place = 'ResultWriter/Arguments';
  const bucket = await evaluateTo('string', scope, writer.Arguments.Bucket, `${place}/Bucket`);
  const prefix = await evaluateTo('string', scope, writer.Arguments.Prefix, `${place}/Prefix`);
  const runId = mapRunArn.slice(mapRunArn.lastIndexOf(':') + 1);
  const directory = [prefix.replace(/\/+$/, ''), runId].filter((part) => part !== '').join('/');
  const store = async (name: string, value: Json) => {
    const body = Buffer.from(toJson(value));
    const key = `${directory}/${name}`;
    await placeOf(scope, bucket).put(key, body, { signal: scope.signal });
    return { Key: key, Size: body.length };
  };
  const described = children.map((child) => describeChild(scope, child));
  const storeAll = async (name: string, matches: (status: Json | undefined) => boolean) => {
    const entries = described.filter((entry) => matches(entry['Status']));
    return entries.length === 0 ? [] : [await store(`${name}_0.json`, entries)];
  };
  try {
    const manifest = await store('manifest.json', {
      DestinationBucket: bucket,
      MapRunArn: mapRunArn,
      ResultFiles: {
        FAILED: await storeAll('FAILED', (status) => status === 'FAILED' || status === 'ABORTED'),
        PENDING: await storeAll('PENDING', (status) => status === 'PENDING'),
        SUCCEEDED: await storeAll('SUCCEEDED', (status) => status === 'SUCCEEDED'),
      },
    });
    return {
      MapRunArn: mapRunArn,
      ResultWriterDetails: { Bucket: bucket, Key: manifest.Key },
    };
  } catch (error) {
    scope.signal.throwIfAborted();
    throw new StateFailure('States.ResultWriterFailed', (error as Error).message);
  }
}
