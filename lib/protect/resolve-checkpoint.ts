import type { Bank } from '../bank/bank.ts';
import { findCheckpoint } from '../bank/register/find-checkpoint.ts';
import type { CheckpointRecord } from '../bank/register/record.ts';
import type { Register } from '../bank/register/register.ts';
import { openSummary } from './summary.ts';

/** What a person means by an id, the beginning of one, or `SERVER@latest` with a server's id or name: the newest in that state. */
export async function resolveCheckpoint(
  bank: Bank,
  register: Register,
  reference: string,
  signal?: AbortSignal,
  latestIn: CheckpointRecord['state'] = 'COMMITTED',
): Promise<CheckpointRecord> {
  return await findCheckpoint(register, reference, {
    callNames: async ({ server, summary }) =>
      summary === undefined ? [] : [(await openSummary(bank, server, summary)).serverName],
    latestIn,
    ...(signal === undefined ? {} : { signal }),
  });
}
