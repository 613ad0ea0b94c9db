import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { CheckpointStateRefused } from '../bank/register/errors.ts';
import { serverKeyOf } from '../bank/register/ids.ts';
import { sameServer } from '../bank/register/identity.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import { pruneCheckpoint } from '../bank/register/prune-checkpoint.ts';
import type { CommittedRecord } from '../bank/register/record.ts';
import { RangeUnfinished } from '../protect/errors.ts';
import { namesOf } from '../protect/known-checkpoints.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import { candidatesOf } from './candidates.ts';
import { type PrunePlan, type PruneSummary, readDecisions, type ServerDecisions } from './plan.ts';
import { retentionOptions } from './plan-prune.ts';
import { decideRetention } from './retention.ts';

/** One server's checkpoints are few, and each takes some requests. */
const TIME_FOR_A_SERVER_MILLISECONDS = 60_000;

/**
 * COMMITTED -> DELETING for what the plan lets go, if a second look at the server's checkpoints, taken now, lets it go too: a checkpoint that
 * was deleted meanwhile may have been the newer one. Repeated, it goes on where it was. Throws `RangeUnfinished`.
 */
export async function prune(
  services: Services,
  plan: PrunePlan,
  { signal, remainingMilliseconds }: Call,
): Promise<PruneSummary> {
  const register = await services.register();
  const marks = await readDamageMarks(register, { signal });
  let spared = 0;
  for (const decided of await readDecisions(services.places.work, plan, signal)) {
    const goes = new Set(
      decided.decisions.filter(({ keep }) => !keep).map(({ checkpoint }) => checkpoint),
    );
    if (goes.size === 0) continue;
    if (remainingMilliseconds() < TIME_FOR_A_SERVER_MILLISECONDS) {
      const { serverId } = decided.server;
      throw new RangeUnfinished(`Server ${serverId} is left for the next worker.`, {
        identifiers: { serverId },
      });
    }
    const now = await decidedNow(services, plan, decided, { marks, signal });
    // Only what belongs to this server and goes by both looks: the list may have been anywhere.
    for (const checkpoint of goes) {
      if (now.get(checkpoint) === false) continue;
      if (now.get(checkpoint) === true) spared += 1;
      goes.delete(checkpoint);
    }
    for (const checkpoint of goes) {
      try {
        await pruneCheckpoint(register, checkpoint, { signal });
      } catch (error) {
        // Somebody took it further, or out, meanwhile.
        if (!(error instanceof CheckpointStateRefused)) throw error;
      }
    }
  }
  return { ...plan, pruned: plan.pruned - spared, kept: plan.kept + spared, spared };
}

/** Whether the rules keep each of the server's checkpoints of that plan, as they are now. */
async function decidedNow(
  services: Services,
  { request }: PrunePlan,
  { server, plan }: ServerDecisions,
  { marks, signal }: { marks: ReadonlySet<string>; signal: AbortSignal },
): Promise<Map<string, boolean>> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const serverKey = serverKeyOf(register.nameKey, server);
  const records: CommittedRecord[] = [];
  for await (const record of listCheckpoints(register, { serverKey, signal })) {
    if (record.state !== 'COMMITTED' || !sameServer(record.server, server)) continue;
    if ((await namesOf(bank, record)).plan === plan) records.push(record);
  }
  const candidates = await candidatesOf(bank, records, marks, signal);
  const decisions = decideRetention(candidates, retentionOptions(services, request));
  return new Map(decisions.map(({ checkpoint, keep }) => [checkpoint, keep]));
}
