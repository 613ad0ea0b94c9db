import { abandonCheckpoint } from '../bank/register/abandon-checkpoint.ts';
import { sameServer } from '../bank/register/identity.ts';
import { CheckpointId, serverKeyIn } from '../bank/register/ids.ts';
import { remainingMilliseconds } from '../bank/register/lease.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import { fencePin, listPins } from '../bank/register/pin.ts';
import type { Execution, Lease, OpenRecord } from '../bank/register/record.ts';
import { type RecordHead, readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import { ORIGIN_MARK, RESTORE_MARK } from '../restore/marks.ts';
import { removeRestored } from '../restore/remove-restored.ts';
import { forgetRollback, listRollbacks } from '../restore/rollbacks.ts';
import type { Services } from '../services.ts';
import { BANK_PROPERTY, CHECKPOINT_PROPERTY, isMadeFor, markedVolumes } from './marks.ts';

/** Something that a dead execution left and that nobody will come back for. */
export interface Orphan {
  kind: OrphanKind;
  /** An id or a key by which a person finds it. */
  id: string;
  /** Why nobody needs it. */
  why: string;
  /** Safe to repeat. False where it turned out to be needed after all, or to be another's by now. */
  remove: (signal: AbortSignal) => Promise<boolean>;
}

export type OrphanKind =
  | 'snapshot image'
  | 'temporary volume'
  | 'volume snapshot'
  | 'restored image'
  | 'restore'
  | 'upload'
  | 'open checkpoint'
  | 'pin'
  | 'work objects'
  | 'history';

const HOUR_MILLISECONDS = 3600 * 1000;
const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;
/** Uploads are completed or aborted within a restore; one that is older belongs to none. */
const UPLOAD_AGE_MILLISECONDS = 2 * DAY_MILLISECONDS;
/** A roll-back with all its retries is over by then. */
const ROLLBACK_AGE_MILLISECONDS = 2 * HOUR_MILLISECONDS;

/**
 * Images that carry this bank's mark and that nobody waits for: a record is written before its snapshot is asked for, so one whose
 * record is not open has nobody; one whose record is open and dead is fenced first.
 */
export async function* orphanedSnapshots(
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  const { images } = await services.openstack();
  const properties = { [BANK_PROPERTY]: (await services.bank()).info.homeId };
  for await (const image of images.list({ properties }, { signal })) {
    const made = { kind: 'snapshot image', marks: image.properties, ...image } as const;
    const remove = async () => {
      await images.delete(image.id, { signal });
      return true;
    };
    const orphan = await orphanOf(services, made, remove, signal);
    if (orphan !== undefined) yield orphan;
  }
}

/** The same of temporary volumes, and of snapshots of volumes: these stay until nothing is left that was made of them. */
export async function* orphanedCopies(
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  const openstack = await services.openstack();
  const { volumes } = openstack;
  const { homeId } = (await services.bank()).info;
  const filter = { metadata: { [BANK_PROPERTY]: homeId } };
  for await (const volume of volumes.list(filter, { signal })) {
    const made = { kind: 'temporary volume', marks: volume.metadata, ...volume } as const;
    const remove = async () => {
      await volumes.delete(volume.id, { signal });
      return true;
    };
    const orphan = await orphanOf(services, made, remove, signal);
    if (orphan !== undefined) yield orphan;
  }
  for await (const snapshot of volumes.listSnapshots(filter, { signal })) {
    const made = { kind: 'volume snapshot', marks: snapshot.metadata, ...snapshot } as const;
    const remove = async () => {
      const checkpoint = snapshot.metadata[CHECKPOINT_PROPERTY] ?? '';
      if ((await markedVolumes(openstack, { homeId, checkpoint }, signal)).length > 0) return false;
      await volumes.deleteSnapshot(snapshot.id, { signal });
      return true;
    };
    const orphan = await orphanOf(services, made, remove, signal);
    if (orphan !== undefined) yield orphan;
  }
}

/** Something that was made for a checkpoint. */
interface Made {
  kind: OrphanKind;
  id: string;
  name: string | null;
  createdAt: string | null;
  marks: Readonly<Record<string, string>>;
}

async function orphanOf(
  services: Services,
  { kind, id, name, createdAt, marks }: Made,
  remove: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<Orphan | undefined> {
  // A mark is anybody's text until it has proved to be an id.
  const { data: checkpoint } = CheckpointId.safeParse(marks[CHECKPOINT_PROPERTY]);
  if (checkpoint === undefined || !isMadeFor({ name }, checkpoint)) return undefined;
  const register = await services.register();
  const head = await readRecord(register, checkpoint, { signal });
  const orphan = (why: string, fence?: OpenRecord): Orphan => ({
    kind,
    id,
    why: `${why}, checkpoint ${checkpoint}`,
    async remove(signal) {
      if (fence !== undefined && !(await abandonDead(register, fence, signal))) return false;
      return await remove();
    },
  });
  // Of a record that is not here a copy of the bank may know: what may be in use stays for a day.
  if (head.kind === 'absent') {
    const age = services.clock.now() - Date.parse(createdAt ?? '');
    return age > DAY_MILLISECONDS ? orphan('the bank knows no such checkpoint') : undefined;
  }
  if (head.kind !== 'live' || head.value.state !== 'OPEN') {
    return orphan(`its backup is over (${stateOf(head)})`);
  }
  return (await isDead(register, head.value, signal))
    ? orphan('its backup is dead', head.value)
    : undefined;
}

function stateOf(head: RecordHead): string {
  return head.kind === 'live' ? head.value.state : 'removed';
}

/** What restores made that failed, and whose roll-back failed too. */
export async function* failedRollbacks(
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  const bank = await services.bank();
  for await (const { plan, since } of listRollbacks(bank, services.log, signal)) {
    if (services.clock.now() - since.getTime() < ROLLBACK_AGE_MILLISECONDS) continue;
    yield {
      kind: 'restore',
      id: plan.restoreId,
      why: `it failed at ${since.toISOString()}, and what it made could not be removed`,
      async remove(signal) {
        await removeRestored(services, plan, signal);
        await forgetRollback(bank.places.work, plan.restoreId, signal);
        return true;
      },
    };
  }
}

/**
 * Images of restores that died before they had data. A restore holds a pin of its checkpoint to its end, but where the bank is
 * read-only: without a live one, and a day old, nobody is at work on it. One that is active is left: it may be whole, and in use.
 */
export async function* unfinishedImages(
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  const [openstack, register] = await Promise.all([services.openstack(), services.register()]);
  const { projectId } = await openstack.identity({ signal });
  const pinned = new Set<string>();
  for await (const pin of listPins(register, { signal })) {
    if (!(await isOver(register, pin))) pinned.add(pin.checkpoint);
  }
  for await (const image of openstack.images.list({ ownerProjectId: projectId }, { signal })) {
    const checkpoint = CheckpointId.safeParse(image.properties[ORIGIN_MARK]);
    if (!checkpoint.success || image.properties[RESTORE_MARK] === undefined) continue;
    const waits = image.status === 'queued' || image.status === 'saving';
    const age = services.clock.now() - Date.parse(image.createdAt ?? '');
    if (!waits || pinned.has(checkpoint.data) || !(age > DAY_MILLISECONDS)) continue;
    // Another bank's restore has its pin elsewhere.
    if ((await readRecord(register, checkpoint.data, { signal })).kind === 'absent') continue;
    yield {
      kind: 'restored image',
      id: image.id,
      why: `it is ${image.status}, and the restore that was to fill it is dead`,
      async remove(signal) {
        await openstack.images.delete(image.id, { signal });
        return true;
      },
    };
  }
}

export async function* unfinishedUploads(
  { places: { work }, clock }: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  for await (const upload of work.listUploads('restores/', { signal })) {
    if (clock.now() - upload.startedAt.getTime() < UPLOAD_AGE_MILLISECONDS) continue;
    yield {
      kind: 'upload',
      id: upload.key,
      why: `it was begun at ${upload.startedAt.toISOString()} and never completed`,
      async remove(signal) {
        await work.abortUpload(upload, { signal });
        return true;
      },
    };
  }
}

/** Open checkpoints whose executions are dead. They do no harm until the collector fences them, and show as OPEN. */
export async function* deadCheckpoints(
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Orphan> {
  const register = await services.register();
  for await (const record of listCheckpoints(register, { signal })) {
    if (record.state !== 'OPEN' || !(await isDead(register, record, signal))) continue;
    yield {
      kind: 'open checkpoint',
      id: record.checkpoint,
      why: `its backup ${record.execution.id} is dead, last heard of at ${record.lease.renewedAt}`,
      remove: async (signal) => await abandonDead(register, record, signal),
    };
  }
}

/** Pins of readers that are dead: they keep what they hold from being collected until their leases run out. */
export async function* stalePins(services: Services, signal: AbortSignal): AsyncGenerator<Orphan> {
  const register = await services.register();
  for await (const pin of listPins(register, { signal })) {
    if (!(await isOver(register, pin))) continue;
    yield {
      kind: 'pin',
      id: pin.id,
      why: `its reader ${pin.execution.id} of checkpoint ${pin.checkpoint} is dead, last heard of at ${pin.lease.renewedAt}`,
      remove: async (signal) => await fencePin(register, pin, { signal }),
    };
  }
}

/** Notes that workers leave for a checkpoint while it is open. */
const CHECKPOINT_NOTES = ['receipts/', 'uploads/', 'descriptions/', 'results/'];

/** Notes of checkpoints that are not open any more: their executions remove them with the snapshot, an hour later they do not. */
export async function* strayNotes(services: Services, signal: AbortSignal): AsyncGenerator<Orphan> {
  const { work } = services.places;
  const register = await services.register();
  for (const prefix of CHECKPOINT_NOTES) {
    let group: { checkpoint: string; keys: string[] } | undefined;
    for await (const { key, modifiedAt } of work.list(prefix, { signal })) {
      const checkpoint = CheckpointId.safeParse(key.split('/')[1]);
      const age = services.clock.now() - modifiedAt.getTime();
      if (!checkpoint.success || age < HOUR_MILLISECONDS) continue;
      if (group?.checkpoint !== checkpoint.data) {
        yield* await strays(services, register, prefix, group, signal);
        group = { checkpoint: checkpoint.data, keys: [] };
      }
      group.keys.push(key);
    }
    yield* await strays(services, register, prefix, group, signal);
  }
}

async function strays(
  { places: { work } }: Services,
  register: Register,
  prefix: string,
  group: { checkpoint: string; keys: string[] } | undefined,
  signal: AbortSignal,
): Promise<Orphan[]> {
  if (group === undefined) return [];
  const { checkpoint, keys } = group;
  const head = await readRecord(register, checkpoint, { signal });
  // Of a record that is not here a copy of the bank may know; they go by their age.
  if (head.kind === 'absent' || (head.kind === 'live' && head.value.state === 'OPEN')) return [];
  return [
    {
      kind: 'work objects',
      id: `${prefix}${checkpoint}`,
      why: `${String(keys.length)} notes of a checkpoint that is ${stateOf(head)}`,
      async remove(signal) {
        await work.delete(keys, { signal });
        return true;
      },
    },
  ];
}

/** Fences the record as it was seen: false when its execution has come back since. */
async function abandonDead(
  register: Register,
  record: OpenRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const { checkpoint } = record;
  const reason = 'its execution is gone';
  return (
    (await abandonCheckpoint(register, checkpoint, { reason, asSeen: record, signal })) !== 'OPEN'
  );
}

/** Nobody will continue its backup. */
export async function isDead(
  register: Register,
  record: OpenRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isOver(register, record)) return true;
  // The command may be about to be typed again, unless a later backup took its place.
  const { process } = record.execution;
  if (process === undefined || !(await register.isProcessGone(process))) return false;
  return await hasSuccessor(register, record, signal);
}

/** Its lease ran out; or half of it, and its process is gone: until then the same command may be typed again, and continue it. */
export async function isOver(
  register: Register,
  { lease, execution: { process } }: { lease: Lease; execution: Execution },
): Promise<boolean> {
  const remaining = remainingMilliseconds(register, lease);
  if (process === undefined || !(await register.isProcessGone(process))) return remaining <= 0;
  return remaining < lease.seconds * 500;
}

async function hasSuccessor(
  register: Register,
  { checkpoint, server, createdAt }: OpenRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const serverKey = serverKeyIn(checkpoint);
  for await (const other of listCheckpoints(register, { serverKey, signal })) {
    const later = other.createdAt > createdAt && other.state === 'COMMITTED';
    if (later && sameServer(other.server, server)) return true;
  }
  return false;
}
