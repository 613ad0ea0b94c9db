import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { Plan } from '../lib/events/plan.ts';
import { type StartedExecution, startOnce } from '../lib/events/start-once.ts';
import { startOf, type StartRules } from '../lib/events/start-request.ts';

export interface Starter extends StartRules {
  readonly client: SFNClient;
  readonly stateMachineArn: string;
}

/**
 * Starts the backup that an event of the bus or a schedule asks for. Both deliver at least once: the execution's name is made of the
 * event's id or the schedule's time, so a second delivery starts nothing.
 */
export async function startBackup(starter: Starter, event: unknown): Promise<StartedExecution> {
  const start = startOf(event, starter);
  if (start === undefined) return { execution: null, started: false };
  const { stateMachineArn, client } = starter;
  return await startOnce(client, { stateMachineArn, ...start });
}

let starter: Starter | undefined;

function starterFromEnvironment(): Starter {
  const { env } = process;
  return {
    client: new SFNClient({}),
    stateMachineArn: env['SNAPBANK_BACKUP_MACHINE'] ?? '',
    plans: z.array(Plan).parse(JSON.parse(env['SNAPBANK_PLANS'] ?? '[]')),
    notifications: z.array(z.string()).parse(JSON.parse(env['SNAPBANK_NOTIFICATIONS'] ?? '[]')),
  };
}

export async function handler(event: unknown): Promise<StartedExecution> {
  starter ??= starterFromEnvironment();
  return await startBackup(starter, event);
}
