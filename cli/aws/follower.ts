import { DescribeMapRunCommand } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import type { HistoryEvent } from '../../local/engine/history.ts';
import type { ExecutionDisplay } from '../execution-display.ts';
import { eventsAfter } from './history.ts';
import { FOLLOWED_MAP, FOLLOWED_WITHIN, labelOf, MAP_BYTES } from './map-bytes.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

const InputOfChild = z.union([
  z.object({ item: z.object({ id: z.string() }) }).transform(({ item }) => item.id),
  z.object({ serverId: z.string() }).transform(({ serverId }) => serverId),
]);
const FunctionResult = z.object({ Payload: z.unknown() });

const ENDS: ReadonlySet<HistoryEvent['type']> = new Set<HistoryEvent['type']>([
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionTimedOut',
  'ExecutionAborted',
]);

/** A run of a Map whose items are followed by themselves, and where in the execution it is. */
export interface FollowedRun {
  readonly arn: string;
  readonly path: readonly string[];
}

/** The executions of a Map's items. */
export interface ChildExecutions {
  /** Shows what is new of them. */
  look(): Promise<number>;
}

/** A run of a Map whose items are only counted. */
interface CountedMap {
  arn: string;
  label: string;
  totalBytes: number;
  reportedBytes: number;
}

/** Follows one execution, the machine's or a child's: shows what is new in its history, and the bytes of its Maps. */
export class Follower {
  /** Runs of the Map whose items are to be followed by themselves. */
  readonly followedMaps: FollowedRun[] = [];
  readonly #sfn: StepFunctions;
  readonly #arn: string;
  readonly #display: ExecutionDisplay;
  readonly #path: readonly string[];
  readonly #childrenOf: (run: FollowedRun) => ChildExecutions;
  /** Outputs of functions, by state. */
  readonly #payloads = new Map<string, unknown>();
  #lastId = 0;
  #state = '';
  #subject = '';
  #map: CountedMap | undefined;
  #within: ChildExecutions | undefined;
  #ended = false;

  constructor(
    sfn: StepFunctions,
    arn: string,
    display: ExecutionDisplay,
    {
      path = [],
      childrenOf,
    }: {
      path?: readonly string[];
      childrenOf: (run: FollowedRun) => ChildExecutions;
    },
  ) {
    this.#childrenOf = childrenOf;
    this.#sfn = sfn;
    this.#arn = arn;
    this.#display = display;
    this.#path = path;
  }

  /** Its end has been shown. */
  get ended(): boolean {
    return this.#ended;
  }

  async look(): Promise<void> {
    for await (const event of eventsAfter(this.#sfn, this.#arn, this.#lastId, this.#path)) {
      this.#lastId = event.id;
      // It has gone on: what its children did came before.
      await this.#within?.look();
      this.#within = undefined;
      await this.#note(event);
      this.#display.follow(event);
    }
    await this.#within?.look();
    await this.#count();
  }

  async #note(event: HistoryEvent): Promise<void> {
    if ('stateEnteredEventDetails' in event) {
      this.#state = event.stateEnteredEventDetails.name;
    } else if (event.type === 'ExecutionStarted') {
      const { input } = event.executionStartedEventDetails;
      this.#subject = InputOfChild.safeParse(JSON.parse(input)).data ?? '';
    } else if (event.type === 'TaskSucceeded') {
      const { output } = event.taskSucceededEventDetails;
      this.#payloads.set(this.#state, FunctionResult.safeParse(JSON.parse(output)).data?.Payload);
    } else if (event.type === 'MapRunStarted') {
      // What the Map before did last has not been looked at.
      await this.#count();
      this.#begin(event.mapRunStartedEventDetails.mapRunArn);
    } else if (ENDS.has(event.type)) {
      await this.#count();
      this.#map = undefined;
      this.#ended = true;
    }
  }

  #begin(arn: string): void {
    const label = labelOf(arn);
    if (label === FOLLOWED_MAP) this.followedMaps.push({ arn, path: this.#path });
    if (label === FOLLOWED_WITHIN) this.#within = this.#childrenOf({ arn, path: this.#path });
    const bytes = MAP_BYTES[label];
    const totalBytes = bytes?.totalBytes(this.#payloads.get(bytes.plannedBy));
    this.#map = totalBytes === undefined ? undefined : { arn, label, totalBytes, reportedBytes: 0 };
  }

  /** Tells the display of the bytes of the items that have ended since the last time: items are of equal size. */
  async #count(): Promise<void> {
    if (this.#map === undefined) return;
    const { arn: mapRunArn, label, totalBytes, reportedBytes } = this.#map;
    const phase = MAP_BYTES[label]?.phase;
    const { itemCounts } = await callStepFunctions(
      this.#sfn,
      'states:DescribeMapRun',
      (client, options) => client.send(new DescribeMapRunCommand({ mapRunArn }), options),
    );
    const { succeeded = 0, total = 0 } = itemCounts ?? {};
    const doneBytes = total === 0 ? 0 : Math.floor((totalBytes * succeeded) / total);
    if (phase === undefined || doneBytes <= reportedBytes) return;
    this.#map = doneBytes < totalBytes ? { ...this.#map, reportedBytes: doneBytes } : undefined;
    const advancedBytes = doneBytes - reportedBytes;
    this.#display.advance({ subject: this.#subject, phase, advancedBytes, totalBytes });
  }
}
