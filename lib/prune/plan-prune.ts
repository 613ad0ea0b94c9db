import type { Bank } from '../bank/bank.ts';
import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { CheckpointNotFound } from '../bank/register/errors.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import type { CommittedRecord } from '../bank/register/record.ts';
import { executionKey } from '../protect/items.ts';
import { openSummary } from '../protect/summary.ts';
import type { Services } from '../services.ts';
import { candidatesOf } from './candidates.ts';
import { periodNames } from './periods.ts';
import type { PrunePlan, ServerDecisions } from './plan.ts';
import type { PruneRequest } from './request.ts';
import { decideRetention, type RetentionOptions } from './retention.ts';

const DEFAULT_TIME_ZONE = 'UTC';

/** Says of every COMMITTED checkpoint of the chosen servers whether it stays. Changes nothing. */
export async function planPrune(
  services: Services,
  execution: string,
  request: PruneRequest,
  signal: AbortSignal,
): Promise<PrunePlan> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const options = retentionOptions(services, request);
  periodNames(options.timeZone);
  const records: CommittedRecord[] = [];
  for await (const record of listCheckpoints(register, { signal })) {
    if (record.state === 'COMMITTED') records.push(record);
  }
  const marks = await readDamageMarks(register, { signal });
  const missing = new Set(request.servers);
  const decided: ServerDecisions[] = [];
  for (const own of byServer(records)) {
    const [first] = own;
    if (first === undefined) continue;
    const { server } = first;
    const serverName = await nameOf(bank, own);
    const words = [server.serverId, serverName ?? ''];
    if (request.servers !== undefined && !request.servers.some((one) => words.includes(one))) {
      continue;
    }
    for (const word of words) missing.delete(word);
    const candidates = await candidatesOf(bank, own, marks, signal);
    const locks = new Map(own.map(({ checkpoint, lockedUntil }) => [checkpoint, lockedUntil]));
    const decisions = decideRetention(candidates, options).map((decision) => ({
      ...decision,
      reasons: [...decision.reasons],
      lockedUntil: locks.get(decision.checkpoint) ?? null,
      createdAt: new Date(decision.createdAt).toISOString(),
    }));
    decided.push({ server, serverName, decisions });
  }
  if (missing.size > 0) {
    throw new CheckpointNotFound(`There is no checkpoint of server ${[...missing].join(', ')}.`);
  }
  const decisionsKey = `outcomes/prune-${executionKey(execution)}.json`;
  await services.places.work.put(decisionsKey, Buffer.from(JSON.stringify(decided)), { signal });
  const all = decided.flatMap(({ decisions }) => decisions);
  const kept = all.filter(({ keep }) => keep).length;
  return {
    request,
    dryRun: request.dry_run ?? false,
    servers: decided.length,
    kept,
    pruned: all.length - kept,
    decisionsKey,
  };
}

export function retentionOptions(
  { clock }: Services,
  { keep, time_zone: timeZone = DEFAULT_TIME_ZONE }: PruneRequest,
): RetentionOptions {
  return { rules: keep, timeZone, now: clock.now() };
}

/** By identity: server keys may collide. */
function byServer(records: readonly CommittedRecord[]): CommittedRecord[][] {
  const groups = Map.groupBy(records, ({ server }) =>
    [server.cloud, server.region, server.projectId, server.serverId].join('\0'),
  );
  return [...groups.values()];
}

/** What the server was called when it was last backed up. */
async function nameOf(bank: Bank, records: readonly CommittedRecord[]): Promise<string | null> {
  const newest = records.reduce((one, other) => (one.createdAt < other.createdAt ? other : one));
  const { server, summary } = newest;
  return summary === undefined ? null : (await openSummary(bank, server, summary)).serverName;
}
