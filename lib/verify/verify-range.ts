import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { renewPin } from '../bank/register/reader-pin.ts';
import { settleAll } from '../disk/range/settle-all.ts';
import { RangeUnfinished } from '../protect/errors.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import { readGroup, type VerifyGroup, type VerifyItem, type VerifyPlan } from './plan.ts';
import { PIN_LEASE_SECONDS } from './plan-verification.ts';
import { hasReport, putReport } from './reports.ts';
import { verifySegment } from './verify-segment.ts';
import { readVersions } from './versions.ts';

/** A segment of 1 GiB takes 10 s; its versions add what they changed. */
const TIME_FOR_A_SEGMENT_MILLISECONDS = 120_000;

/**
 * Looks at some segments of a server's disk and leaves a report of each in the work place; those that have one are not looked at again.
 * Damage is no failure here. Throws `RangeUnfinished`, and `PinFenced` where what is missing may have been collected.
 */
export async function verifyRange(
  services: Services,
  plan: VerifyPlan,
  item: VerifyItem,
  { signal, remainingMilliseconds }: Call,
): Promise<void> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const { work } = services.places;
  const { verificationId, level } = plan;
  const group = await readGroup(bank, verificationId, item.group, signal);
  await keepPins(services, group, signal);
  const versions = await readVersions(bank, group, item, signal);
  const marks = await readDamageMarks(register, { signal });
  const advance = (advancedBytes: number) => {
    const { totalBytes } = plan;
    services.progress({ subject: verificationId, phase: 'verify', advancedBytes, totalBytes });
  };
  for (const segment of item.segments) {
    const place = { group: item.group, disk: item.disk, segment };
    if (await hasReport(work, verificationId, place, signal)) continue;
    if (remainingMilliseconds() < TIME_FOR_A_SEGMENT_MILLISECONDS) {
      throw new RangeUnfinished(
        `Segment ${String(segment)} of disk ${String(item.disk)} of server ${group.server.serverId} is left for the next worker.`,
        { identifiers: { serverId: group.server.serverId, segment } },
      );
    }
    const { disk } = item;
    const task = { bank, level, disk, segment, versions, marks, advance, signal };
    await putReport(bank, verificationId, item.group, await verifySegment(task), signal);
  }
}

/** Renews the pins when they may need it: there may be many. */
async function keepPins(
  services: Services,
  { checkpoints, pinnedAt }: VerifyGroup,
  signal: AbortSignal,
): Promise<void> {
  const ageMilliseconds = services.clock.now() - Date.parse(pinnedAt);
  if (ageMilliseconds < PIN_LEASE_SECONDS * 250) return;
  const register = await services.register();
  await settleAll(checkpoints.map(({ pinId }) => renewPin(register, pinId, { signal })));
}
