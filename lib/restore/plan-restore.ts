import { createHash } from 'node:crypto';
import type { Bank } from '../bank/bank.ts';
import { InvalidInput } from '../errors.ts';
import { requireReader } from '../bank/open-bank.ts';
import { ChunkReader } from '../bank/read/chunk-reader.ts';
import { openPin, type ReaderPin, releasePin } from '../bank/register/reader-pin.ts';
import type { Execution } from '../bank/register/record.ts';
import type { Services } from '../services.ts';
import type { BootProof } from './boot-proof.ts';
import type { ChunkMap } from '../disk/disk.ts';
import type { ServerDescription } from '../protect/description.ts';
import { ROOT_DISK } from '../protect/disks.ts';
import { imageFileLayout } from './image-layout.ts';
import { resolveCheckpoint } from '../protect/resolve-checkpoint.ts';
import { RestoreNotPossible } from './errors.ts';
import { type ReadableDisk, readCheckpoint } from './checkpoint-root.ts';
import type { ImagePlan, RestorePlan } from './plan.ts';
import { type Need, needText, omissionsOf } from './needs.ts';
import { type PlannedServer, planServer } from './plan-server.ts';
import { planVolumes } from './plan-volumes.ts';
import type { RestoreRequest } from './request.ts';

const DEFAULT_BOOT_SECONDS = 600;
const NO_SERVER: PlannedServer = { server: null, original: null, needs: [], notRestored: [] };

/** Pins the checkpoint and says what a restore of it will make, in the cloud as it is now. */
export async function planRestore(
  services: Services,
  execution: string,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestorePlan> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  requireReader(bank);
  const { checkpoint } = await resolveCheckpoint(bank, register, request.checkpoint, signal);
  const pin = await openPin(register, {
    checkpoint,
    execution: executionOf(services, execution),
    signal,
  });
  try {
    const plan = await planOf(services, { execution, request, checkpoint, pin }, signal);
    if (plan.planOnly) await releasePin(register, pin.id, { signal });
    return plan;
  } catch (error) {
    await releasePin(register, pin.id).catch(() => undefined);
    throw error;
  }
}

interface PinnedRequest {
  execution: string;
  request: RestoreRequest;
  checkpoint: string;
  pin: ReaderPin;
}

async function planOf(
  services: Services,
  { execution, request, checkpoint, pin }: PinnedRequest,
  signal: AbortSignal,
): Promise<RestorePlan> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const { root } = pin.record;
  const {
    root: checkpointRoot,
    identity,
    description,
    disks,
  } = await readCheckpoint(bank, { checkpoint, root }, signal);
  const [{ content: disk }] = disks;
  const proof = proofOf(request);
  const serverName =
    request.name ??
    (proof === null ? description.server.name : `snapbank-proof-${checkpoint.slice(0, 8)}`);
  const imageOf = (one: ReadableDisk, name: string) =>
    planImage(one, {
      name,
      format: request.format,
      map: new ChunkReader(bank, checkpointRoot, one.content).map,
      functionPassBytes: services.settings.functionPassBytes,
    });
  const image = imageOf(
    disks[0],
    request.image_only === true ? serverName : imageName(serverName, checkpoint),
  );
  const rootOnly = request.image_only === true || request.without_volumes === true;
  const inCinder = rootOnly ? [] : disks.filter((one) => one.description.volume !== null);
  const { server, original, ...planned } =
    request.image_only === true
      ? NO_SERVER
      : await planServer(
          openstack,
          {
            description: description.server,
            request: { ...request, name: serverName, ...networksOfProof(request) },
            origin: identity,
            // A volume has its own size, whatever the flavor says.
            ...(inCinder.includes(disks[0])
              ? { guestSizeBytes: 0, minDiskGiB: 0 }
              : { guestSizeBytes: disk.guestSizeBytes, minDiskGiB: image.minDiskGiB }),
          },
          signal,
        );
  const { volumes, obstacles, ...ofVolumes } = await planVolumes(
    openstack,
    inCinder.map((one) => ({
      description: one.description,
      image: imageOf(one, imageName(serverName, checkpoint, one.number)),
    })),
    { origin: identity, map: request.map },
    signal,
  );
  const needs = [...planned.needs, ...ofVolumes.needs];
  if (request.plan_only !== true) refuseImpossible(description.server, needs, obstacles);
  return {
    restoreId: restoreIdOf(bank, execution),
    checkpoint,
    root,
    pinId: pin.id,
    planOnly: request.plan_only ?? false,
    imageOnly: request.image_only ?? false,
    check: request.check ?? false,
    proof,
    import: request.import ?? services.settings.imageImport,
    partsAtOnce: services.settings.partsAtOnce,
    disk: ROOT_DISK,
    image,
    volumes,
    original,
    needs,
    obstacles,
    server,
    notRestored: [
      ...omissionsOf(needs),
      ...planned.notRestored,
      ...ofVolumes.notRestored,
      ...disks.slice(rootOnly ? 1 : disks.length).map(({ number }) => ({
        what: `disk ${String(number)}`,
        why: 'Only the root disk was asked for; snapbank export --disk gives the others out.',
      })),
    ],
  };
}

/** Throws one `RestoreNotPossible` with all that the restore cannot do without, a line each. */
function refuseImpossible(
  { id, name }: Pick<ServerDescription, 'id' | 'name'>,
  needs: readonly Need[],
  obstacles: readonly string[],
): void {
  const blocking = needs.filter(({ without }) => without === null);
  if (blocking.length + obstacles.length === 0) return;
  const lines = [
    `Server ${name} (${id}) cannot be restored here:`,
    ...needs.map(needText),
    ...obstacles,
  ];
  throw new RestoreNotPossible(
    // Names are whatever their owners gave: none of them makes a line of its own.
    lines.map((line) => line.replaceAll(/\s+/g, ' ')).join('\n'),
    { identifiers: { serverId: id } },
  );
}

interface ImageToPlan {
  name: string;
  format: 'raw' | 'qcow2' | undefined;
  map: ChunkMap;
  functionPassBytes: number;
}

function planImage(
  { content, description: { image } }: ReadableDisk,
  { name, format, map, functionPassBytes }: ImageToPlan,
): ImagePlan {
  const diskFormat = diskFormatOf(content.format, image.diskFormat, format);
  const { fileSizeBytes } = imageFileLayout(map, content, diskFormat);
  return {
    name,
    diskFormat,
    containerFormat: image.containerFormat ?? 'bare',
    minDiskGiB: image.minDiskGiB,
    minRamMiB: image.minRamMiB,
    fileSizeBytes,
    guestSizeBytes: content.guestSizeBytes,
    fitsFunction: fileSizeBytes <= functionPassBytes,
  };
}

/** A twin of a server that may still be there must not meet its clients: without a word about networks it gets none. */
function networksOfProof({ prove_boot: wanted, networks }: RestoreRequest) {
  return wanted === undefined || networks !== undefined ? {} : { networks: [] };
}

function proofOf({ prove_boot: wanted, image_only: imageOnly }: RestoreRequest): BootProof | null {
  if (wanted === undefined) return null;
  if (imageOnly === true) {
    throw new InvalidInput('prove_boot starts a server; it does not go with image_only.');
  }
  return {
    console: wanted.console ?? null,
    waitSeconds: wanted.wait_seconds ?? DEFAULT_BOOT_SECONDS,
  };
}

/** The same execution gives the same id, so that a repeated one finds what it made. */
function restoreIdOf(bank: Bank, execution: string): string {
  return createHash('sha256')
    .update(`${bank.info.homeId}\0restore\0${execution}`)
    .digest('hex')
    .slice(0, 24);
}

function executionOf(services: Services, id: string): Execution {
  return { id, ...(services.process === undefined ? {} : { process: services.process }) };
}

/** Raw and qcow2 disks can become either; an opaque file only what it was. */
function diskFormatOf(
  format: 'raw' | 'qcow2' | 'opaque',
  declared: string | null,
  wanted: 'raw' | 'qcow2' | undefined,
): string {
  if (format === 'opaque') {
    if (wanted !== undefined && wanted !== declared) {
      throw new InvalidInput(
        `The disk was backed up as an opaque ${declared ?? 'file'}; it can only be restored as that, not as ${wanted}.`,
      );
    }
    return declared ?? 'raw';
  }
  return wanted ?? format;
}

/** Most characters of an image's name in Glance; a server's may have as many. */
const MAX_NAME_LENGTH = 255;

/** The server's name and what tells its images apart; a long name is cut for it, never inside a character. */
function imageName(serverName: string, checkpoint: string, disk?: number): string {
  const suffix = ` (${checkpoint.slice(0, 8)}${disk === undefined ? '' : `, disk ${String(disk)}`})`;
  const room = MAX_NAME_LENGTH - suffix.length;
  return `${serverName.slice(0, room).replace(/[\ud800-\udbff]$/, '')}${suffix}`;
}
