import { GetExecutionHistoryCommand, type HistoryEvent as RemoteEvent } from '@aws-sdk/client-sfn';
import type { StateType } from '../../local/engine/definition.ts';
import type { ErrorDetails, HistoryEvent, NewEvent } from '../../local/engine/history.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

const PAGE_EVENTS = 1000;

/**
 * The events of an execution after `lastId`, oldest first, in the shape of the embedded engine's. Kinds that no
 * display looks at are left out. `path` is that of a child execution.
 */
export async function* eventsAfter(
  sfn: StepFunctions,
  executionArn: string,
  lastId: number,
  path: readonly string[],
): AsyncGenerator<HistoryEvent> {
  // What is new since a moment ago stands at the end of what may be a long history.
  const fromEnd = lastId > 0;
  const newest: HistoryEvent[] = [];
  for (let nextToken: string | undefined; ; ) {
    const page = await callStepFunctions(sfn, 'states:GetExecutionHistory', (client, options) =>
      client.send(
        new GetExecutionHistoryCommand({
          executionArn,
          maxResults: PAGE_EVENTS,
          reverseOrder: fromEnd,
          nextToken,
        }),
        options,
      ),
    );
    for (const event of page.events ?? []) {
      if ((event.id ?? 0) <= lastId) return yield* newest.reverse();
      const ours = engineEvent(event, path);
      if (ours === undefined) continue;
      if (fromEnd) newest.push(ours);
      else yield ours;
    }
    nextToken = page.nextToken;
    if (nextToken === undefined) return yield* newest.reverse();
  }
}

/** The event as the embedded engine records it; undefined for kinds that no display looks at. */
export function engineEvent(event: RemoteEvent, path: readonly string[]): HistoryEvent | undefined {
  const { id = 0, previousEventId = 0, timestamp = new Date(0), type = '' } = event;
  const head = {
    id,
    previousEventId,
    timestamp: timestamp.toISOString(),
    ...(path.length === 0 ? {} : { path }),
  };
  const { stateEnteredEventDetails: entered } = event;
  if (entered !== undefined) {
    return {
      ...head,
      type: type as `${StateType}StateEntered`,
      stateEnteredEventDetails: { name: entered.name ?? '', input: entered.input ?? 'null' },
    };
  }
  const kind = KINDS[type];
  return kind === undefined ? undefined : { ...head, ...kind(event) };
}

/** What is kept of an event, by its type. */
const KINDS: Readonly<Record<string, (event: RemoteEvent) => NewEvent>> = {
  ExecutionStarted: ({ executionStartedEventDetails: details }) => ({
    type: 'ExecutionStarted',
    executionStartedEventDetails: { input: details?.input ?? 'null' },
  }),
  ExecutionSucceeded: ({ executionSucceededEventDetails: details }) => ({
    type: 'ExecutionSucceeded',
    executionSucceededEventDetails: { output: details?.output ?? 'null' },
  }),
  ExecutionFailed: ({ executionFailedEventDetails: details }) => ({
    type: 'ExecutionFailed',
    executionFailedEventDetails: errorOf(details),
  }),
  ExecutionTimedOut: ({ executionTimedOutEventDetails: details }) => ({
    type: 'ExecutionTimedOut',
    executionTimedOutEventDetails: errorOf(details),
  }),
  ExecutionAborted: ({ executionAbortedEventDetails: details }) => ({
    type: 'ExecutionAborted',
    executionAbortedEventDetails: errorOf(details),
  }),
  TaskSucceeded: ({ taskSucceededEventDetails: details }) => ({
    type: 'TaskSucceeded',
    taskSucceededEventDetails: {
      resourceType: details?.resourceType ?? '',
      resource: details?.resource ?? '',
      output: details?.output ?? 'null',
    },
  }),
  MapRunStarted: ({ mapRunStartedEventDetails: details }) => ({
    type: 'MapRunStarted',
    mapRunStartedEventDetails: { mapRunArn: details?.mapRunArn ?? '' },
  }),
};

function errorOf({ error, cause }: ErrorDetails = {}): ErrorDetails {
  return { error, cause };
}
