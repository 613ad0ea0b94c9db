import type { Bank } from '../bank/bank.ts';
import { CheckpointNotFound } from '../bank/register/errors.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import type { CheckpointRecord, CommittedRecord } from '../bank/register/record.ts';
import type { Register } from '../bank/register/register.ts';
import { nearNames } from './near-names.ts';
import { openSummary } from './summary.ts';

/** A COMMITTED checkpoint, and what people call its server and the plan under which it was made. */
export interface KnownCheckpoint {
  readonly record: CommittedRecord;
  readonly serverName: string | null;
  readonly plan: string | null;
}

/** Every COMMITTED checkpoint of the bank, or of a plan. Throws `CheckpointNotFound` for a plan that has none. */
export async function knownCheckpoints(
  bank: Bank,
  register: Register,
  plan: string | undefined,
  signal: AbortSignal,
): Promise<KnownCheckpoint[]> {
  const known: KnownCheckpoint[] = [];
  for await (const record of listCheckpoints(register, { signal })) {
    if (record.state === 'COMMITTED') known.push({ record, ...(await namesOf(bank, record)) });
  }
  if (plan === undefined) return known;
  const ofPlan = known.filter((one) => one.plan === plan);
  if (ofPlan.length === 0) throw noCheckpointOf('plan', [plan], known);
  return ofPlan;
}

/** What people call the server of a checkpoint, and the plan under which it was made. */
export async function namesOf(
  bank: Bank,
  { server, summary }: CheckpointRecord,
): Promise<Pick<KnownCheckpoint, 'serverName' | 'plan'>> {
  const opened = summary === undefined ? null : await openSummary(bank, server, summary);
  return { serverName: opened?.serverName ?? null, plan: opened?.plan ?? null };
}

/** Of a server, or a plan, that was asked for: with the names that are near. */
export function noCheckpointOf(
  what: 'server' | 'plan',
  names: Iterable<string>,
  known: readonly KnownCheckpoint[],
): CheckpointNotFound {
  const there = known.flatMap(
    ({ serverName, plan }) => (what === 'server' ? serverName : plan) ?? [],
  );
  const wanted = [...names];
  const near = new Set(wanted.flatMap((name) => nearNames(name, there)));
  return new CheckpointNotFound(
    [
      `There is no checkpoint of ${what} ${wanted.join(', ')}.`,
      ...(near.size === 0 ? [] : [`Near: ${[...near].join(', ')}.`]),
    ].join(' '),
  );
}
