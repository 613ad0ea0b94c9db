import * as z from 'zod';
import { InvalidInput } from '../../lib/errors.ts';
import { isArn } from '../aws/arn.ts';
import type { CommandContext } from '../context.ts';
import { serverCountsOf } from '../execution-row.ts';
import { type PastBackup, pastBackupHere, pastBackupOnAws } from '../past-backup.ts';
import type { ExecutionOptions } from '../run-execution.ts';
import { backupSummaryOf, parseOutcomes, runBackup } from './backup.ts';

/** What holds for the servers of a backup whichever they are. */
const Input = z.object({
  enable_server_snapshot: z.boolean().optional(),
  all_projects: z.boolean().optional(),
  include_volumes: z.boolean().optional(),
  stop: z.boolean().optional(),
  plan: z.string().optional(),
});

/** `snapbank retry-failed`: backs up, in a new execution, the servers that failed in an earlier one. False when one fails again. */
export async function retryFailed(
  context: CommandContext,
  execution: string | undefined,
  options: Omit<ExecutionOptions, 'execution'>,
): Promise<boolean> {
  const { on } = options;
  const past =
    on !== undefined || (execution !== undefined && isArn(execution))
      ? await pastBackupOnAws(context, execution, on)
      : await pastBackupHere(context, execution);
  const server = past === undefined ? [] : await failedServers(past);
  if (past === undefined || server.length === 0) {
    context.output.event({ type: 'summary', retried: past?.name ?? null, servers: [] });
    context.output.line(
      past === undefined
        ? 'There is no backup in which servers failed; nothing is to be tried again.'
        : `No server failed in ${past.name}; nothing is to be tried again.`,
    );
    return true;
  }
  const servers = server.length === 1 ? 'the server' : `the ${String(server.length)} servers`;
  context.output.warn(`Backing up ${servers} that failed in ${past.name}.`);
  const input = Input.parse(past.input);
  const { enable_server_snapshot: enableServerSnapshot, all_projects: allProjects, plan } = input;
  return await runBackup(context, {
    ...options,
    server,
    ...(enableServerSnapshot === undefined ? {} : { enableServerSnapshot }),
    ...(allProjects === true ? { allProjects } : {}),
    ...(input.include_volumes === true ? { includeVolumes: true } : {}),
    ...(input.stop === true ? { stop: true } : {}),
    ...(plan === undefined ? {} : { plan }),
    ...(past.on === undefined ? {} : { on: past.on }),
  });
}

/** Ids. Throws `InvalidInput` where the backup does not say which failed. */
async function failedServers({ name, outcome, readWork }: PastBackup): Promise<string[]> {
  if (outcome === undefined) {
    throw new InvalidInput(`${name} has not ended; it can still back up all of its servers.`);
  }
  if (serverCountsOf(outcome) === null) {
    throw new InvalidInput(
      `${name} ended (${outcome.status}, ${outcome.error ?? 'no error'}) before it could say which servers failed; run its backup again as it was.`,
    );
  }
  const { failed, failures, outcomesKey } = backupSummaryOf(outcome);
  if (failures.length === failed) return failures.map(({ id }) => id);
  const bytes = await readWork(outcomesKey);
  if (bytes === undefined) {
    throw new InvalidInput(
      `${String(failed)} servers failed in ${name}, and the list of them cannot be read; run its backup again as it was.`,
    );
  }
  return parseOutcomes(bytes)
    .filter(({ status }) => status === 'failed')
    .map(({ id }) => id);
}
