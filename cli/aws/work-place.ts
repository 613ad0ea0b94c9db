import { DescribeStateMachineCommand } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { bankLocations, openPlaces } from '../../lib/bank/open-places.ts';
import { openStore } from '../../lib/bank/store/location.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { SnapbankError } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';
import type { RemoteMachine } from './find-machines.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

/** As far as it says where its Map reads its items; see statemachine/backup.asl.json. */
const BackupDefinition = z.object({
  States: z.object({
    ProtectServers: z.object({
      ItemReader: z.object({ Arguments: z.object({ Bucket: z.string(), Key: z.string() }) }),
    }),
  }),
});

/** Bucket and prefix of the work place, as a deployed backup machine has them; undefined where the text is another's. */
export function workLocationIn(definition: string): string | undefined {
  const { data } = BackupDefinition.safeParse(JSON.parse(definition));
  const { Bucket, Key } = data?.States.ProtectServers.ItemReader.Arguments ?? {};
  const prefix = /^\{% '([^']*)' & \$itemsKey %\}$/.exec(Key ?? '')?.[1];
  if (Bucket === undefined || prefix === undefined) return undefined;
  return `s3://${Bucket}/${prefix.replace(/\/$/, '')}`;
}

/**
 * The work place of a stack: where its backup machine says that it is, else where the environment says (SNAPBANK_WORK, SNAPBANK_BANK).
 * Undefined where neither does.
 */
export async function workPlaceOf(
  context: CommandContext,
  sfn: StepFunctions,
  { arn, machine }: RemoteMachine,
): Promise<ObjectStore | undefined> {
  const { env } = context;
  const stateMachineArn = arn.replace(new RegExp(`-${machine}(:.*)?$`), '-backup');
  try {
    const { definition = '' } = await callStepFunctions(
      sfn,
      'states:DescribeStateMachine',
      (client, options) =>
        client.send(new DescribeStateMachineCommand({ stateMachineArn }), options),
    );
    const location = workLocationIn(definition);
    if (location !== undefined) {
      return openStore(location, { env, s3Region: await sfn.client.config.region(), log: sfn.log });
    }
  } catch (error) {
    sfn.signal.throwIfAborted();
    sfn.log.debug(`The machine does not say where its work place is: ${(error as Error).message}`);
  }
  const named = (env['SNAPBANK_WORK'] ?? env['SNAPBANK_BANK'] ?? '') !== '';
  return named ? openPlaces(bankLocations(env), { env, log: sfn.log }).work : undefined;
}

/** What it did is in the execution's own output too: not to see the details is no failure. */
export async function readOrWarn(
  { output, signal }: CommandContext,
  work: ObjectStore | undefined,
  key: string,
): Promise<Uint8Array | undefined> {
  if (work === undefined) {
    output.warn(
      'The details lie in the work place. Set SNAPBANK_WORK to its location, which the deployment printed, to see them.',
    );
    return undefined;
  }
  try {
    return await work.get(key, { signal });
  } catch (error) {
    if (!(error instanceof SnapbankError)) throw error;
    output.warn(`The details in the work place cannot be read: ${error.message}`);
    return undefined;
  }
}
