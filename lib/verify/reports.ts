import type { Bank } from '../bank/bank.ts';
import { putNote, readNote } from '../bank/notes.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { SegmentReport } from './finding.ts';
import { verificationPrefix } from './plan.ts';

/** Reports read at once. */
const READS_AT_ONCE = 16;
/** Every chunk of a segment damaged in each of many checkpoints. */
const MAX_REPORT_BYTES = 256 * 2 ** 20;

function prefixOf(verificationId: string, group: number): string {
  return `${verificationPrefix(verificationId)}reports/${String(group)}/`;
}

interface Place {
  group: number;
  disk: number;
  segment: number;
}

function keyOf(verificationId: string, { group, disk, segment }: Place): string {
  return `${prefixOf(verificationId, group)}${String(disk)}-${String(segment)}.json`;
}

export async function hasReport(
  work: ObjectStore,
  verificationId: string,
  place: Place,
  signal: AbortSignal,
): Promise<boolean> {
  return (await work.size(keyOf(verificationId, place), { signal })) !== undefined;
}

/** Sealed where the bank is: a proof follows from it. */
export async function putReport(
  bank: Bank,
  verificationId: string,
  group: number,
  report: SegmentReport,
  signal: AbortSignal,
): Promise<void> {
  const { disk, segment } = report;
  const key = keyOf(verificationId, { group, disk, segment });
  await putNote(bank, key, report, { signal });
}

/** All reports on a group that its workers left. Throws `ObjectDamaged` for one that is not what a worker left. */
export async function* readReports(
  bank: Bank,
  verificationId: string,
  group: number,
  signal: AbortSignal,
): AsyncGenerator<SegmentReport, void, undefined> {
  const expected = { schema: SegmentReport, maxBytes: MAX_REPORT_BYTES };
  const listed = bank.places.work.list(prefixOf(verificationId, group), { signal });
  const read = async ({ key }: { key: string }) => await readNote(bank, key, expected, { signal });
  yield* mapInOrder(listed, READS_AT_ONCE, read);
}
