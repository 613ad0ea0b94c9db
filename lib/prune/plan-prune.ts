import { readDamageMarks } from '../bank/register/damage-marks.ts';
import type { ServerIdentity } from '../bank/register/identity.ts';
import { executionKey } from '../protect/items.ts';
import {
  type KnownCheckpoint,
  knownCheckpoints,
  noCheckpointOf,
} from '../protect/known-checkpoints.ts';
import type { Services } from '../services.ts';
import { candidatesOf } from './candidates.ts';
import { periodNames } from './periods.ts';
import type { PrunePlan, ServerDecisions } from './plan.ts';
import type { PruneRequest } from './request.ts';
import { decideRetention, type RetentionOptions } from './retention.ts';

const DEFAULT_TIME_ZONE = 'UTC';

/**
 * Says of every COMMITTED checkpoint of the chosen servers, or of the chosen plan, whether it stays. What was made under one plan displaces
 * nothing that was made under another, or under none. Changes nothing.
 */
export async function planPrune(
  services: Services,
  execution: string,
  request: PruneRequest,
  signal: AbortSignal,
): Promise<PrunePlan> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const options = retentionOptions(services, request);
  periodNames(options.timeZone);
  const known = await knownCheckpoints(bank, register, request.plan, signal);
  const marks = await readDamageMarks(register, { signal });
  const missing = new Set(request.servers);
  const decided: ServerDecisions[] = [];
  for (const own of byServer(known)) {
    const {
      record: { server },
      serverName,
    } = newestOf(own);
    const words = [server.serverId, serverName ?? ''];
    if (request.servers !== undefined && !request.servers.some((one) => words.includes(one))) {
      continue;
    }
    for (const word of words) missing.delete(word);
    for (const [plan, ofGroup] of Map.groupBy(own, (one) => one.plan)) {
      const records = ofGroup.map(({ record }) => record);
      const candidates = await candidatesOf(bank, records, marks, signal);
      const locks = new Map(records.map((one) => [one.checkpoint, one.lockedUntil]));
      const decisions = decideRetention(candidates, options).map((decision) => ({
        ...decision,
        reasons: [...decision.reasons],
        lockedUntil: locks.get(decision.checkpoint) ?? null,
        createdAt: new Date(decision.createdAt).toISOString(),
      }));
      decided.push({ server, serverName, plan, decisions });
    }
  }
  if (missing.size > 0) throw noCheckpointOf('server', missing, known);
  const decisionsKey = `outcomes/prune-${executionKey(execution)}.json`;
  await services.places.work.put(decisionsKey, Buffer.from(JSON.stringify(decided)), { signal });
  const all = decided.flatMap(({ decisions }) => decisions);
  const kept = all.filter(({ keep }) => keep).length;
  return {
    request,
    dryRun: request.dry_run ?? false,
    servers: new Set(decided.map(({ server }) => identityText(server))).size,
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
function byServer(known: readonly KnownCheckpoint[]): KnownCheckpoint[][] {
  return [...Map.groupBy(known, ({ record: { server } }) => identityText(server)).values()];
}

function identityText({ cloud, region, projectId, serverId }: ServerIdentity): string {
  return [cloud, region, projectId, serverId].join('\0');
}

/** Says what the server was called when it was last backed up. */
function newestOf(known: readonly KnownCheckpoint[]): KnownCheckpoint {
  return known.reduce((one, other) =>
    one.record.createdAt < other.record.createdAt ? other : one,
  );
}
