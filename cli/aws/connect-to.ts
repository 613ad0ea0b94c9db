import type { CommandContext } from '../context.ts';
import { isArn, parseMachineArn } from './arn.ts';
import { connectStepFunctions, type StepFunctions } from './step-functions.ts';

/** Step Functions where `--on` points: the region of an ARN, else that of the environment. */
export async function connectTo(context: CommandContext, on: string): Promise<StepFunctions> {
  const { env, clock, log, signal } = context;
  const region = isArn(on) ? parseMachineArn(on).region : undefined;
  return await connectStepFunctions({ env, region, clock, log, signal });
}
