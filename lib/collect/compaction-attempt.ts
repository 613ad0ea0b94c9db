import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { neededSlots } from '../bank/compact/needed-slots.ts';
import { Place, placeName, placeOfPack, PlaceVersion } from '../bank/compact/place.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import type { Root } from '../bank/format/root.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { claimCheckpoint, endClaim } from '../bank/register/claim.ts';
import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { CheckpointId } from '../bank/register/ids.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import { type CommittedRecord, isRooted, RootReference } from '../bank/register/record.ts';
import type { Register } from '../bank/register/register.ts';
import { readRoot } from '../bank/roots.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { Services } from '../services.ts';
import { type CompactionGroup, MAX_NOTE_BYTES } from './plan.ts';

/** Roots read, and records claimed, at once. */
const AT_ONCE = 4;

/** What a group's compaction has claimed, and is to do. Written down after the claims and before anything else is written. */
export const CompactionAttempt = z.strictObject({
  writesAs: CheckpointId,
  members: z.array(
    z.strictObject({ checkpoint: CheckpointId, claim: z.string(), root: RootReference }),
  ),
  packs: z.array(z.tuple([z.string(), z.int()])),
  places: z.array(Place),
});
export type CompactionAttempt = z.infer<typeof CompactionAttempt>;

export interface GroupTask {
  readonly services: Services;
  readonly execution: string;
  readonly group: CompactionGroup;
  /** Where the group's notes lie in the work place. */
  readonly prefix: string;
  readonly signal: AbortSignal;
}

export async function readAttempt(
  bank: Bank,
  prefix: string,
  signal: AbortSignal,
): Promise<CompactionAttempt | undefined> {
  try {
    const expected = { schema: CompactionAttempt, maxBytes: MAX_NOTE_BYTES };
    return await readNote(bank, `${prefix}attempt`, expected, { signal });
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

export async function readPlaceVersions(
  bank: Bank,
  prefix: string,
  place: Place,
  signal: AbortSignal,
): Promise<PlaceVersion[]> {
  const expected = { schema: z.array(PlaceVersion), maxBytes: MAX_NOTE_BYTES };
  return await readNote(bank, `${prefix}versions/${placeName(place)}`, expected, { signal });
}

/** Whether a backup of one of the servers is under way: what it builds on it would go on to need beside what replaces it. */
export async function hasOpenBackup(
  register: Register,
  servers: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const serverKey of servers) {
    for await (const { state } of listCheckpoints(register, { serverKey, signal })) {
      if (state === 'OPEN') return true;
    }
  }
  return false;
}

/**
 * Claims the checkpoints that refer to the group's packs. What refers to a pack and cannot be claimed keeps it, so that to rewrite it would
 * gain nothing; such packs are left out. Returns what there is to do, why it cannot be done, or undefined where nothing would be gained.
 */
export async function openAttempt(
  task: GroupTask,
): Promise<CompactionAttempt | string | undefined> {
  const { services, group, prefix, signal } = task;
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  if (await hasOpenBackup(register, group.servers, signal)) return 'a backup is under way';
  const referrers = new Referrers(group, await readDamageMarks(register, { signal }));
  for (const serverKey of group.servers) {
    const records = listCheckpoints(register, { serverKey, signal });
    const looks = mapInOrder(records, AT_ONCE, async (record) => {
      if (!isRooted(record)) return;
      const root = await readRoot(bank, record.root, { signal }).catch(ignoreUnreadable);
      if (root === undefined) return;
      if (record.state === 'COMMITTED') referrers.add(record, root);
      else referrers.exclude(root);
    });
    for await (const _ of looks);
  }
  // Before anything is claimed: what several servers need different parts of would else be claimed by every collection, for nothing.
  if (referrers.packs().length === 0) return 'others hold the packs';
  await referrers.keepWorthwhile(bank, signal);
  const wanted = referrers.members();
  const [oldest] = wanted;
  if (oldest === undefined) return undefined;
  const members: CompactionAttempt['members'] = [];
  const claims = mapInOrder(wanted, AT_ONCE, async (record) => {
    const claim = await claimId(task, register, record, oldest.checkpoint);
    if (claim === undefined) referrers.exclude(record.checkpoint);
    else members.push({ checkpoint: record.checkpoint, claim, root: record.root });
  });
  for await (const _ of claims);
  const packs = referrers.packs();
  const places = referrers.places();
  if (packs.length === 0) {
    await releaseAll(register, members, signal);
    return 'others hold the packs';
  }
  for (const { place, versions } of places) {
    await putNote(bank, `${prefix}versions/${placeName(place)}`, versions, { signal });
  }
  const attempt: CompactionAttempt = {
    writesAs: oldest.checkpoint,
    members,
    packs,
    places: places.map(({ place }) => place),
  };
  await putNote(bank, `${prefix}attempt`, attempt, { signal });
  return attempt;
}

export async function releaseAll(
  register: Register,
  members: CompactionAttempt['members'],
  signal: AbortSignal,
): Promise<void> {
  for (const { checkpoint, claim } of members) {
    await endClaim(register, checkpoint, { id: claim, signal });
  }
}

/** The id of the claim; undefined when it could not be had. */
async function claimId(
  { services, execution, signal }: GroupTask,
  register: Register,
  asSeen: CommittedRecord,
  writesAs: string,
): Promise<string | undefined> {
  const { process } = services;
  const id = register.randomHex(16);
  const by = { id: execution, ...(process === undefined ? {} : { process }) };
  const claim = { id, execution: by, writesAs, asSeen, signal };
  return (await claimCheckpoint(register, claim)) ? id : undefined;
}

function ignoreUnreadable(error: unknown): undefined {
  if (error instanceof ObjectNotFound || error instanceof ObjectDamaged) return undefined;
  throw error;
}

function isAt(pack: string, place: Place): boolean {
  const at = placeOfPack(pack);
  return at !== undefined && placeName(at) === placeName(place);
}

/** Which checkpoints refer to which of a group's packs, and by which tables. */
class Referrers {
  readonly #sizes: Map<string, number>;
  readonly #packs = new Map<string, Set<string>>();
  readonly #records = new Map<string, CommittedRecord>();
  readonly #versions = new Map<string, { place: Place; versions: Map<string, PlaceVersion> }>();

  constructor({ packs }: CompactionGroup, damaged: ReadonlySet<string>) {
    this.#sizes = new Map(packs.filter(([key]) => !damaged.has(key)));
  }

  add(record: CommittedRecord, root: Root): void {
    for (const { key } of root.packs) {
      if (!this.#sizes.has(key)) continue;
      const known = this.#packs.get(key) ?? new Set();
      this.#packs.set(key, known.add(record.checkpoint));
      this.#records.set(record.checkpoint, record);
      this.#addVersion(placeOfPack(key), root);
    }
  }

  /** What this root, or this checkpoint, refers to stays as it is. */
  exclude(by: Root | string): void {
    const kept =
      typeof by === 'string'
        ? [...this.#packs].flatMap(([key, checkpoints]) => (checkpoints.has(by) ? [key] : []))
        : by.packs.map(({ key }) => key);
    for (const key of kept) {
      this.#sizes.delete(key);
      this.#packs.delete(key);
    }
  }

  /** Leaves out packs of which the checkpoints together need nearly all, which only their tables tell. */
  async keepWorthwhile(bank: Bank, signal: AbortSignal): Promise<void> {
    for (const { place, versions } of this.places()) {
      const packs = new Map(this.packs().filter(([key]) => isAt(key, place)));
      const needs = { bank, place, versions, packs, signal };
      // One that is gone by now: its checkpoint was collected, and so nothing is known.
      const slots = (await neededSlots(needs).catch(ignoreUnreadable)) ?? [];
      const worthwhile = new Set(slots.map(({ location }) => location.pack));
      for (const pack of packs.keys()) {
        if (worthwhile.has(pack)) continue;
        this.#sizes.delete(pack);
        this.#packs.delete(pack);
      }
    }
  }

  /** Oldest first. */
  members(): CommittedRecord[] {
    const wanted = new Set([...this.#packs.values()].flatMap((one) => [...one]));
    return [...this.#records.values()]
      .filter(({ checkpoint }) => wanted.has(checkpoint))
      .sort((one, other) => (one.createdAt < other.createdAt ? -1 : 1));
  }

  packs(): [string, number][] {
    return [...this.#packs.keys()].map((key) => [key, this.#sizes.get(key) ?? 0]);
  }

  places(): { place: Place; versions: PlaceVersion[] }[] {
    const wanted = new Set(
      [...this.#packs.keys()].flatMap((key) => {
        const place = placeOfPack(key);
        return place === undefined ? [] : [placeName(place)];
      }),
    );
    return [...this.#versions]
      .filter(([name]) => wanted.has(name))
      .map(([, { place, versions }]) => ({ place, versions: [...versions.values()] }));
  }

  #addVersion(place: Place | undefined, { disks }: Root): void {
    const disk = disks.find((one) => one.disk === place?.disk);
    const ref = disk?.segments[place?.segment ?? -1];
    if (place === undefined || disk === undefined || ref?.object == null) return;
    const known = this.#versions.get(placeName(place)) ?? { place, versions: new Map() };
    this.#versions.set(placeName(place), known);
    known.versions.set(ref.object.key, { ref, guestSizeBytes: disk.guestSizeBytes });
  }
}
