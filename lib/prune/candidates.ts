import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import type { Root } from '../bank/format/root.ts';
import type { CommittedRecord } from '../bank/register/record.ts';
import { readRoot } from '../bank/roots.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { Candidate } from './retention.ts';

/** A server's checkpoints as retention sees them. Roots are read only where something is marked as damaged. */
export async function candidatesOf(
  bank: Bank,
  records: readonly CommittedRecord[],
  marks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const record of records) {
    const { checkpoint, createdAt, lastProven } = record;
    candidates.push({
      checkpoint,
      createdAt: Date.parse(createdAt),
      provenAt: lastProven === undefined ? undefined : Date.parse(lastProven.at),
      isGood: marks.size === 0 || (await isUndamaged(bank, record, marks, signal)),
    });
  }
  return candidates;
}

async function isUndamaged(
  bank: Bank,
  { root: reference }: CommittedRecord,
  marks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  if (marks.has(reference.key)) return false;
  let root: Root;
  try {
    root = await readRoot(bank, reference, { signal });
  } catch (error) {
    if (error instanceof ObjectDamaged || error instanceof ObjectNotFound) return false;
    throw error;
  }
  return !(
    root.packs.some(({ key }) => marks.has(key)) ||
    root.disks.some(({ segments }) =>
      segments.some(({ object }) => object !== null && marks.has(object.key)),
    )
  );
}
