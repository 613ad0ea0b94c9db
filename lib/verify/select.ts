import type { Bank } from '../bank/bank.ts';
import { CheckpointNotFound, CheckpointStateRefused } from '../bank/register/errors.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import type { CheckpointRecord, ReadableRecord } from '../bank/register/record.ts';
import type { Register } from '../bank/register/register.ts';
import { InvalidInput } from '../errors.ts';
import { resolveCheckpoint } from '../protect/resolve-checkpoint.ts';
import { openSummary } from '../protect/summary.ts';
import type { VerifyRequest } from './request.ts';

/** A checkpoint to be verified, with what people call its server. */
export interface Selected {
  readonly record: ReadableRecord;
  readonly serverName: string | null;
}

/**
 * The checkpoints that a request means. One that is named may be on its way out (DELETING); of a server or a whole bank the COMMITTED
 * ones are meant. Throws `InvalidInput`, `CheckpointNotFound`, `CheckpointAmbiguous`, `CheckpointStateRefused`.
 */
export async function selectCheckpoints(
  bank: Bank,
  register: Register,
  { checkpoints = [], servers = [], all }: VerifyRequest,
  signal: AbortSignal,
): Promise<Selected[]> {
  const named = checkpoints.length + servers.length > 0;
  if (named && all === true) {
    throw new InvalidInput('Name checkpoints or servers, or ask for all of them, not both.');
  }
  const selected = new Map<string, Selected>();
  for (const reference of checkpoints) {
    const record = await resolveCheckpoint(bank, register, reference, signal);
    selected.set(record.checkpoint, await withName(bank, readable(record)));
  }
  if (named && servers.length === 0) return [...selected.values()];

  const missing = new Set(servers);
  for await (const record of listCheckpoints(register, { signal })) {
    if (record.state !== 'COMMITTED') continue;
    const one = await withName(bank, record);
    const words = [record.server.serverId, one.serverName ?? ''];
    if (named && !servers.some((server) => words.includes(server))) continue;
    for (const word of words) missing.delete(word);
    selected.set(record.checkpoint, one);
  }
  if (missing.size > 0) {
    throw new CheckpointNotFound(`There is no checkpoint of server ${[...missing].join(', ')}.`);
  }
  return [...selected.values()];
}

async function withName(bank: Bank, record: ReadableRecord): Promise<Selected> {
  const { server, summary } = record;
  if (summary === undefined) return { record, serverName: null };
  const { serverName } = await openSummary(bank, server, summary);
  return { record, serverName };
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
