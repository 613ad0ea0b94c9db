import { ExecutionDoesNotExist } from '../local/engine/errors.ts';
import type { ExecutionOutcome } from '../local/engine/execution-options.ts';
import type { Json } from '../local/engine/json.ts';
import { connectTo } from './aws/connect-to.ts';
import { describeExecution } from './aws/describe-execution.ts';
import { findExecution, type RemoteExecution } from './aws/find-execution.ts';
import { findMachine } from './aws/find-machines.ts';
import { executionsOf } from './aws/list-on-aws.ts';
import { readOrWarn, workPlaceOf } from './aws/work-place.ts';
import type { CommandContext } from './context.ts';
import { serverCountsOf } from './execution-row.ts';
import { listEmbedded } from './list-embedded.ts';

/** A backup of which something is wanted afterwards. */
export interface PastBackup {
  name: string;
  /** The state machine in AWS; undefined of an embedded one. */
  on: string | undefined;
  input: Json;
  /** Undefined while it runs, or where it was interrupted. */
  outcome: ExecutionOutcome | undefined;
  readonly readWork: (key: string) => Promise<Uint8Array | undefined>;
}

/** The embedded backup of this name, else the newest in which servers failed; undefined where there is none such. */
export async function pastBackupHere(
  context: CommandContext,
  name: string | undefined,
): Promise<PastBackup | undefined> {
  for await (const past of listEmbedded(context.stateDirectory, ['backup'])) {
    if (name === undefined ? !hasFailures(past.outcome) : past.name !== name) continue;
    const { input, outcome } = past;
    return {
      name: past.name,
      on: undefined,
      input,
      outcome,
      readWork: async (key) => await (await context.services()).places.work.get(key),
    };
  }
  if (name === undefined) return undefined;
  throw new ExecutionDoesNotExist(
    `There is no backup execution ${name} on this computer. \`snapbank executions\` lists them.`,
  );
}

/** The same in AWS. */
export async function pastBackupOnAws(
  context: CommandContext,
  execution: string | undefined,
  on: string | undefined,
): Promise<PastBackup | undefined> {
  const found =
    execution === undefined
      ? await newestWithFailures(context, on ?? '')
      : await findExecution(context, execution, on);
  if (found === undefined) return undefined;
  const { sfn, target, name, arn } = found;
  const described = await describeExecution(sfn, arn);
  return {
    name,
    on: target.arn,
    input: described?.input ?? null,
    outcome: described?.ended?.outcome,
    readWork: async (key) =>
      await readOrWarn(context, await workPlaceOf(context, sfn, target), key),
  };
}

async function newestWithFailures(
  context: CommandContext,
  on: string,
): Promise<RemoteExecution | undefined> {
  const sfn = await connectTo(context, on);
  const target = await findMachine(sfn, on, 'backup');
  for await (const { executionArn: arn = '', name = '' } of executionsOf(
    sfn,
    target.arn,
    'FAILED',
  )) {
    const described = await describeExecution(sfn, arn);
    if (hasFailures(described?.ended?.outcome)) return { sfn, target, name, arn };
  }
  return undefined;
}

function hasFailures(outcome: ExecutionOutcome | undefined): boolean {
  return outcome !== undefined && (serverCountsOf(outcome)?.failed ?? 0) > 0;
}
