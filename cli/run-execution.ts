import type { Services } from '../lib/services.ts';
import type { ExecutionOutcome } from '../local/engine/execution-options.ts';
import type { JsonObject } from '../local/engine/json.ts';
import type { MachineName } from '../local/machines.ts';
import { runOnAws } from './aws/run-on-aws.ts';
import type { CommandContext } from './context.ts';
import type { ExecutionDisplay } from './execution-display.ts';
import { runEmbedded } from './run-embedded.ts';

/** Options of every command that runs an execution. */
export interface ExecutionOptions {
  /** Name of the execution, where the user gave one. */
  execution?: string;
  /** ARN of a state machine, or name of a stack; else the execution runs in this process. */
  on?: string;
  /** How long an execution in AWS is watched. */
  watchMinutes?: number;
}

export interface ExecutionRun {
  machine: MachineName;
  input: JsonObject;
  display: ExecutionDisplay;
  options: ExecutionOptions;
  /** False for what needs the bank alone. */
  usesCloud: boolean;
  /** What an embedded execution that is stopped does not leave as it is. */
  whenStopped?: (services: Services, execution: string) => Promise<void>;
}

/** An execution that has ended by itself, well or not. */
export interface EndedExecution {
  name: string;
  /** Undefined of an embedded one. */
  arn: string | undefined;
  outcome: ExecutionOutcome;
  elapsedMilliseconds: number;
  /** When it was begun, by a command that was interrupted; undefined where this command began it, and in AWS. */
  continuedFrom?: Date | undefined;
  /** Reads what it left in the work place; undefined, with a warning, where this computer cannot. */
  readonly readWork: (key: string) => Promise<Uint8Array | undefined>;
}

/** Runs a state machine for a command: in this process, or in AWS with `--on`. */
export async function runExecution(
  context: CommandContext,
  run: ExecutionRun,
): Promise<EndedExecution> {
  const { on } = run.options;
  return on === undefined
    ? await runEmbedded(context, run)
    : await runOnAws(context, { ...run, on });
}
