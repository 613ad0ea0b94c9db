import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { renewPin } from '../bank/register/reader-pin.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
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
  call: Call,
): Promise<void> {
  const { signal } = call;
  const group = await readGroup(await services.bank(), plan.verificationId, item.group, signal);
  const ageMilliseconds = services.clock.now() - Date.parse(group.pinnedAt);
  if (ageMilliseconds >= PIN_LEASE_SECONDS * 250) await renewPins(services, group, signal);
  try {
    await verifySegments(services, { plan, item, group }, call);
  } catch (error) {
    // Of a checkpoint whose pin ran out anything may have been collected, also between two reads.
    if (error instanceof ObjectNotFound) await renewPins(services, group, signal);
    throw error;
  }
}

async function verifySegments(
  services: Services,
  { plan, item, group }: { plan: VerifyPlan; item: VerifyItem; group: VerifyGroup },
  { signal, remainingMilliseconds }: Call,
): Promise<void> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const { work } = services.places;
  const { verificationId, level } = plan;
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

/** There may be many. Throws `PinFenced`. */
async function renewPins(
  services: Services,
  { checkpoints }: VerifyGroup,
  signal: AbortSignal,
): Promise<void> {
  const register = await services.register();
  await settleAll(checkpoints.map((held) => renewPin(register, held, { signal })));
}
