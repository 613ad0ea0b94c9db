import type { Bank } from '../bank/bank.ts';
import { CheckpointStateRefused } from '../bank/register/errors.ts';
import type { CheckpointRecord, ReadableRecord } from '../bank/register/record.ts';
import type { Register } from '../bank/register/register.ts';
import { InvalidInput } from '../errors.ts';
import { knownCheckpoints, namesOf, noCheckpointOf } from '../protect/known-checkpoints.ts';
import { resolveCheckpoint } from '../protect/resolve-checkpoint.ts';
import type { VerifyRequest } from './request.ts';

/** A checkpoint to be verified, with what people call its server. */
export interface Selected {
  readonly record: ReadableRecord;
  readonly serverName: string | null;
}

/**
 * The checkpoints that a request means. One that is named may be on its way out (DELETING); of a server, a plan or a whole bank the
 * COMMITTED ones are meant. Throws `InvalidInput`, `CheckpointNotFound`, `CheckpointAmbiguous`, `CheckpointStateRefused`.
 */
export async function selectCheckpoints(
  bank: Bank,
  register: Register,
  { checkpoints = [], servers, plan, all }: VerifyRequest,
  signal: AbortSignal,
): Promise<Selected[]> {
  const named = checkpoints.length > 0 || servers !== undefined || plan !== undefined;
  if (named && all === true) {
    throw new InvalidInput('Name checkpoints, servers or a plan, or ask for all, not both.');
  }
  const selected = new Map<string, Selected>();
  for (const reference of checkpoints) {
    const record = readable(await resolveCheckpoint(bank, register, reference, signal));
    selected.set(record.checkpoint, { record, ...(await namesOf(bank, record)) });
  }
  if (checkpoints.length > 0 && servers === undefined && plan === undefined) {
    return [...selected.values()];
  }
  const known = await knownCheckpoints(bank, register, plan, signal);
  const missing = new Set(servers);
  for (const one of known) {
    const words = [one.record.server.serverId, one.serverName ?? ''];
    if (servers !== undefined && !servers.some((server) => words.includes(server))) continue;
    for (const word of words) missing.delete(word);
    selected.set(one.record.checkpoint, one);
  }
  if (missing.size > 0) throw noCheckpointOf('server', missing, known);
  return [...selected.values()];
}

function readable(record: CheckpointRecord): ReadableRecord {
  if (record.state === 'COMMITTED' || record.state === 'DELETING') return record;
  const { checkpoint, state } = record;
  throw new CheckpointStateRefused(
    `Checkpoint ${checkpoint} is ${state}; there is nothing to verify.`,
    {
      identifiers: { checkpoint, state },
    },
  );
}
