import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import { merkleRoot } from '../bank/format/merkle.ts';
import type { Root } from '../bank/format/root.ts';
import { requireReader } from '../bank/open-bank.ts';
import { clearDamage, readDamageMarks } from '../bank/register/damage-marks.ts';
import { serverKeyOf } from '../bank/register/ids.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { openPin, type ReaderPin, releasePin } from '../bank/register/reader-pin.ts';
import type { Register } from '../bank/register/register.ts';
import { readRoot } from '../bank/roots.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import { executionKey } from '../protect/items.ts';
import type { Services } from '../services.ts';
import type { Finding } from './finding.ts';
import {
  putGroup,
  putVerifyItems,
  type VerifyGroup,
  type VerifyItem,
  type VerifyPlan,
} from './plan.ts';
import { sampleRuns, type VerifyLevel, type VerifyRequest } from './request.ts';
import { isSampled, readSampleProgress, samplingScope } from './sample.ts';
import { type Selected, selectCheckpoints } from './select.ts';

/** Longer than for a restore: a verification renews the pins of all checkpoints of a server, which may be many. */
export const PIN_LEASE_SECONDS = 24 * 3600;
/** Roots read, and pins written, at once. */
const AT_ONCE = 8;
/** Child executions for one server's disk; more of them are more of a bill than of a help. */
const MAX_ITEMS_OF_DISK = 1000;
/** Segments of an item at least: reading their tables alone takes no time. */
const SEGMENTS_OF_ITEM: Readonly<Record<VerifyLevel, number>> = { records: 64, packs: 16, data: 1 };

interface Verification {
  readonly verificationId: string;
  readonly execution: string;
  readonly level: VerifyLevel;
  readonly runs: number | null;
  readonly scope: string;
}

/** Pins the chosen checkpoints, reads their roots, and says which segments are to be looked at. Throws what the selection throws. */
export async function planVerification(
  services: Services,
  execution: string,
  request: VerifyRequest,
  signal: AbortSignal,
): Promise<VerifyPlan> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const { level = 'data' } = request;
  if (level === 'data') requireReader(bank);
  const runs = sampleRuns(request);
  const verificationId = executionKey(execution);
  const scope = samplingScope(request);
  const verification = { verificationId, execution, level, runs, scope };
  const pinIds: (string | null)[] = [];
  try {
    const items: VerifyItem[] = [];
    let totalBytes = 0;
    let number = 0;
    for (const selected of byServer(await selectCheckpoints(bank, register, request, signal))) {
      const pinned = await pinAll(services, verification, selected, pinIds, signal);
      const planned = await planGroup(bank, register, verification, pinned, signal);
      await putGroup(bank, verificationId, { number, group: planned.group }, signal);
      for (const item of planned.items) items.push({ group: number, ...item });
      totalBytes += planned.totalBytes;
      number += 1;
    }
    return {
      verificationId,
      level,
      sampleRuns: runs,
      sampleScope: scope,
      groups: number,
      itemsKey: await putVerifyItems(services.places.work, verificationId, items, signal),
      items: items.length,
      rangesAtOnce: services.settings.rangesAtOnce,
      totalBytes,
    };
  } catch (error) {
    // Not with the signal: what was pinned is let go of, whatever ended this.
    for (const id of pinIds) await releasePin(register, id).catch(() => undefined);
    throw error;
  }
}

/** Oldest first within a server, so that what a later checkpoint took over has been looked at. */
function byServer(selected: readonly Selected[]): Selected[][] {
  const groups = Map.groupBy(selected, ({ record: { server } }) =>
    [server.cloud, server.region, server.projectId, server.serverId].join('\0'),
  );
  return [...groups.values()].map((group) =>
    group.toSorted((one, other) => (one.record.createdAt < other.record.createdAt ? -1 : 1)),
  );
}

interface Pinned extends Selected {
  readonly pin: ReaderPin;
}

async function pinAll(
  services: Services,
  { execution }: Verification,
  selected: readonly Selected[],
  pinIds: (string | null)[],
  signal: AbortSignal,
): Promise<Pinned[]> {
  const register = await services.register();
  const { process } = services;
  const pinned: Pinned[] = [];
  const pins = mapInOrder(selected, AT_ONCE, async (one) => {
    const pin = await openPin(register, {
      checkpoint: one.record.checkpoint,
      execution: { id: execution, ...(process === undefined ? {} : { process }) },
      leaseSeconds: PIN_LEASE_SECONDS,
      signal,
    });
    pinIds.push(pin.id);
    return { ...one, pin };
  });
  for await (const one of pins) pinned.push(one);
  return pinned;
}

interface PlannedGroup {
  group: VerifyGroup;
  items: Omit<VerifyItem, 'group'>[];
  totalBytes: number;
}

async function planGroup(
  bank: Bank,
  register: Register,
  { level, runs, scope }: Verification,
  pinned: readonly Pinned[],
  signal: AbortSignal,
): Promise<PlannedGroup> {
  const [first] = pinned;
  if (first === undefined) throw new RangeError('A server without checkpoints is no group.');
  const { server } = first.record;
  const sampleRun =
    runs === null
      ? null
      : (await readSampleProgress(register, { server, level, runs, scope }, signal)).next;
  const group: VerifyGroup = {
    server,
    serverName: pinned.at(-1)?.serverName ?? null,
    sampleRun,
    segments: 0,
    checkpoints: [],
    pinnedAt: new Date(register.clock.now()).toISOString(),
    findings: [],
  };
  const serverKey = serverKeyOf(register.nameKey, server);
  const shapes = new SegmentCounts(bank, (disk, segment) =>
    runs === null || sampleRun === null
      ? true
      : isSampled({ serverKey, disk, segment }, sampleRun, runs),
  );
  const sound: string[] = [];
  const reads = mapInOrder(pinned, AT_ONCE, async (one) => ({
    ...one,
    outcome: await checkedRoot(bank, one, signal),
  }));
  for await (const { pin, record, outcome } of reads) {
    const readable = 'disks' in outcome;
    const { checkpoint, createdAt } = record;
    const { root } = pin.record;
    group.checkpoints.push({ checkpoint, createdAt, root, pinId: pin.id, readable });
    if (readable) {
      shapes.add(outcome);
      sound.push(root.key);
    } else group.findings.push(outcome);
  }
  const marks = await readDamageMarks(register, { signal });
  const found = sound.filter((key) => marks.has(key));
  await clearDamage(register, found, { signal });
  const { items, totalBytes } = shapes.items(level);
  group.segments = items.reduce((sum, { segments }) => sum + segments.length, 0);
  return { group, items, totalBytes };
}

/** The root, or what is wrong with it. */
async function checkedRoot(
  bank: Bank,
  { pin, record: { checkpoint } }: Pinned,
  signal: AbortSignal,
): Promise<Root | Finding> {
  const { root: reference } = pin.record;
  try {
    const root = await readRoot(bank, reference, { signal });
    for (const { disk, guestSizeBytes, merkleRoot: identity, segments } of root.disks) {
      const leaves = segments.map(({ hash }) => hash);
      if (merkleRoot(guestSizeBytes, root.chunkSizeBytes, leaves) === identity) continue;
      throw new ObjectDamaged(
        `The root ${reference.key} contradicts itself: the segments of disk ${disk} are not those of its identity.`,
        { identifiers: { key: reference.key } },
      );
    }
    return root;
  } catch (error) {
    if (!(error instanceof ObjectDamaged || error instanceof ObjectNotFound)) throw error;
    const { name, message } = error;
    const checkpoints = [checkpoint];
    return { checkpoints, disk: null, object: reference.key, error: name, message, ranges: [] };
  }
}

/** Which segments the disks of a server's checkpoints have, and how much there is to look at. */
class SegmentCounts {
  readonly #bank: Bank;
  readonly #isWanted: (disk: number, segment: number) => boolean;
  readonly #counts = new Map<number, number>();
  #totalBytes = 0;

  constructor(bank: Bank, isWanted: (disk: number, segment: number) => boolean) {
    this.#bank = bank;
    this.#isWanted = isWanted;
  }

  add({ disks }: Root): void {
    const { chunkSizeBytes } = this.#bank.info;
    for (const { disk, segments } of disks) {
      this.#counts.set(disk, Math.max(this.#counts.get(disk) ?? 0, segments.length));
      for (const [segment, { chunkCount }] of segments.entries()) {
        if (this.#isWanted(disk, segment)) this.#totalBytes += chunkCount * chunkSizeBytes;
      }
    }
  }

  items(level: VerifyLevel): Pick<PlannedGroup, 'items' | 'totalBytes'> {
    const items: Omit<VerifyItem, 'group'>[] = [];
    for (const [disk, count] of this.#counts) {
      const wanted = Array.from({ length: count }, (_, segment) => segment).filter((segment) =>
        this.#isWanted(disk, segment),
      );
      const size = Math.max(SEGMENTS_OF_ITEM[level], Math.ceil(wanted.length / MAX_ITEMS_OF_DISK));
      for (let at = 0; at < wanted.length; at += size) {
        items.push({ disk, segments: wanted.slice(at, at + size) });
      }
    }
    return { items, totalBytes: this.#totalBytes };
  }
}
