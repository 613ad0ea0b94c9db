import { InvalidInput } from '../../lib/errors.ts';

export interface MachineArn {
  /** Without the version or alias that it may name. */
  arn: string;
  region: string;
  name: string;
}

export interface ExecutionArn {
  machineArn: string;
  name: string;
}

const MACHINE =
  /^(arn:[\w-]+:states:([a-z0-9-]+):\d{12}:stateMachine:([\w-]{1,80}))(?::[\w-]{1,128})?$/;
const EXECUTION = /^(arn:[\w-]+:states:[a-z0-9-]+:\d{12}):execution:([\w-]{1,80}):([\w.-]{1,80})$/;

export function isArn(text: string): boolean {
  return text.startsWith('arn:');
}

/** Throws `InvalidInput` that shows a right one. */
export function parseMachineArn(text: string): MachineArn {
  const [, arn, region, name] = MACHINE.exec(text) ?? [];
  if (arn !== undefined && region !== undefined && name !== undefined) return { arn, region, name };
  throw new InvalidInput(
    `"${text}" is no ARN of a state machine, such as arn:aws:states:eu-central-1:123456789012:stateMachine:snapbank-backup.`,
  );
}

/** Throws `InvalidInput` that shows a right one. */
export function parseExecutionArn(text: string): ExecutionArn {
  const [, account, machineName, name] = EXECUTION.exec(text) ?? [];
  if (account !== undefined && machineName !== undefined && name !== undefined) {
    return { machineArn: `${account}:stateMachine:${machineName}`, name };
  }
  throw new InvalidInput(
    `"${text}" is no ARN of an execution, such as arn:aws:states:eu-central-1:123456789012:execution:snapbank-backup:nightly-1.`,
  );
}

export function executionArnOf(machineArn: string, executionName: string): string {
  return `${machineArn.replace(':stateMachine:', ':execution:')}:${executionName}`;
}
