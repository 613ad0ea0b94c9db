import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { ExecutionDoesNotExist } from '../../local/engine/errors.ts';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { ExecutionDisplay } from '../execution-display.ts';
import { describeExecution } from './describe-execution.ts';
import { AwsPermissionMissing } from './errors.ts';
import { type ChildExecutions, type FollowedRun, Follower } from './follower.ts';
import { labelOf } from './map-bytes.ts';
import { callStepFunctions, PATIENT, type StepFunctions } from './step-functions.ts';

/** Between two looks; as often as a person wants to see something new. */
const LOOK_MILLISECONDS = 2_000;
/** The rate of GetExecutionHistory is limited for the whole account, and others want to look too. */
const MILLISECONDS_FOR_A_CALL = 100;
/** Child executions looked at in one go; of more of them, those that have waited longest. */
const CHILDREN_AT_A_LOOK = 40;

export interface WatchedOutcome {
  outcome: ExecutionOutcome;
  elapsedMilliseconds: number;
}

/**
 * Shows how an execution in AWS gets on until it has ended. Only looks: whatever ends it, the execution is not touched. Throws the
 * signal's reason, and what Step Functions refuses.
 */
export async function watchExecution(
  connection: StepFunctions,
  executionArn: string,
  display: ExecutionDisplay,
): Promise<WatchedOutcome> {
  const sfn = { ...connection, patience: PATIENT };
  const children = new Children(sfn, display);
  const execution = new Follower(sfn, executionArn, display, {
    childrenOf: childrenIn(sfn, display),
  });
  let maySeeMore = true;
  for (;;) {
    // Asked before: what has ended by now stands in the histories that are read below.
    const described = await describeExecution(sfn, executionArn);
    if (described === undefined) {
      throw new ExecutionDoesNotExist(`There is no execution ${executionArn} any more.`);
    }
    let looks = 1;
    if (maySeeMore) {
      try {
        await execution.look();
        looks += await children.look(execution.followedMaps);
      } catch (error) {
        // How it ends can be seen all the same.
        if (!(error instanceof AwsPermissionMissing)) throw error;
        sfn.log.warn(`Progress is not shown: ${error.message}`);
        maySeeMore = false;
      }
    }
    const { ended, startedAt } = described;
    if (ended !== undefined) {
      const { outcome, stoppedAt } = ended;
      return { outcome, elapsedMilliseconds: stoppedAt.getTime() - startedAt.getTime() };
    }
    const pause = Math.max(LOOK_MILLISECONDS, looks * MILLISECONDS_FOR_A_CALL);
    await sfn.clock.sleep(pause, sfn.signal);
  }
}

function childrenIn(sfn: StepFunctions, display: ExecutionDisplay) {
  return (run: FollowedRun): ChildExecutions => {
    const children = new Children(sfn, display);
    return { look: async () => await children.look([run]) };
  };
}

/** The executions that a Map started: over servers, or over the disks of one. */
class Children {
  readonly #sfn: StepFunctions;
  readonly #display: ExecutionDisplay;
  readonly #known = new Set<string>();
  /** Those whose end has not been shown, the one that has waited longest first; those that are over behind those that run. */
  #running: Follower[] = [];
  #over: Follower[] = [];

  constructor(sfn: StepFunctions, display: ExecutionDisplay) {
    this.#sfn = sfn;
    this.#display = display;
  }

  /** Returns how many were looked at. */
  async look(runs: readonly FollowedRun[]): Promise<number> {
    for (const run of runs) await this.#discover(run);
    const turn = [...this.#running, ...this.#over].slice(0, CHILDREN_AT_A_LOOK);
    for (const child of turn) await child.look();
    const waiting = (follower: Follower) => !turn.includes(follower);
    const again = turn.filter(({ ended }) => !ended);
    this.#running = [...this.#running.filter(waiting), ...again];
    this.#over = this.#over.filter(waiting);
    return turn.length;
  }

  /** The list begins with the newest: a page without anything new is the last one that is read. */
  async #discover({ arn: mapRunArn, path }: FollowedRun): Promise<void> {
    const found: { arn: string; over: boolean }[] = [];
    for (let nextToken: string | undefined; ; ) {
      const page = await callStepFunctions(this.#sfn, 'states:ListExecutions', (client, options) =>
        client.send(new ListExecutionsCommand({ mapRunArn, maxResults: 1000, nextToken }), options),
      );
      const before = found.length;
      for (const { executionArn: arn = '', status } of page.executions ?? []) {
        if (this.#known.has(arn)) continue;
        this.#known.add(arn);
        found.push({ arn, over: status !== 'RUNNING' });
      }
      nextToken = page.nextToken;
      if (nextToken === undefined || found.length === before) break;
    }
    for (const { arn, over } of found.reverse()) {
      const step = `${labelOf(mapRunArn)}[${arn.slice(arn.lastIndexOf(':') + 1)}]`;
      const follower = new Follower(this.#sfn, arn, this.#display, {
        path: [...path, step],
        childrenOf: childrenIn(this.#sfn, this.#display),
      });
      (over ? this.#over : this.#running).push(follower);
    }
  }
}
