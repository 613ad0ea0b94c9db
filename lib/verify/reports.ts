import type { ObjectStore } from '../bank/store/object-store.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { SegmentReport } from './finding.ts';
import { verificationPrefix } from './plan.ts';

/** Reports read at once. */
const READS_AT_ONCE = 16;

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

export async function putReport(
  work: ObjectStore,
  verificationId: string,
  group: number,
  report: SegmentReport,
  signal: AbortSignal,
): Promise<void> {
  const { disk, segment } = report;
  const key = keyOf(verificationId, { group, disk, segment });
  await work.put(key, Buffer.from(JSON.stringify(report)), { signal });
}

/** All reports on a group that its workers left. */
export async function* readReports(
  work: ObjectStore,
  verificationId: string,
  group: number,
  signal: AbortSignal,
): AsyncGenerator<SegmentReport, void, undefined> {
  const listed = work.list(prefixOf(verificationId, group), { signal });
  yield* mapInOrder(listed, READS_AT_ONCE, async ({ key }) => {
    const bytes = await work.get(key, { signal });
    return SegmentReport.parse(JSON.parse(Buffer.from(bytes).toString()));
  });
}
