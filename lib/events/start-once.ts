import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';

export interface StartedExecution {
  /** Null where nothing was to be started. */
  execution: string | null;
  /** False also for what had started its execution before. */
  started: boolean;
}

export interface ExecutionToStart {
  stateMachineArn: string;
  /** The same whenever the same is asked for: so it is started once, however often it is. */
  name: string;
  input: unknown;
}

export async function startOnce(
  client: SFNClient,
  { stateMachineArn, name, input }: ExecutionToStart,
): Promise<StartedExecution> {
  try {
    const { executionArn } = await client.send(
      new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }),
    );
    return { execution: executionArn ?? null, started: true };
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
    const execution = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    return { execution, started: false };
  }
}
