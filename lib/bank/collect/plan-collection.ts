import { RegisterLost } from '../errors.ts';
import type { Register } from '../register/register.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';
import { ListedObjects, type Tally } from './listed-objects.ts';
import { LiveMarker } from './live-marker.ts';
import type { NamesInRoot } from './root-names.ts';

/** Where data objects lie in the bank. */
export const DATA_PREFIXES = ['packs/', 'segments/', 'roots/'];
/** Checkpoints that an error names. */
const SHOWN = 5;

export interface CollectionRequest extends CallOptions {
  /** The bank's place. */
  bank: ObjectStore;
  register: Register;
  namesIn: NamesInRoot;
  /** How long a pruned checkpoint can be brought back. */
  undeleteSeconds: number;
}

/** How much a collection finds. */
export interface CollectionEstimate {
  readonly listed: Tally;
  readonly dead: Tally;
  /** Checkpoints whose records are to be buried when their objects are gone. */
  readonly deadCheckpoints: readonly string[];
  readonly fencedCheckpoints: readonly string[];
  readonly fencedPins: readonly string[];
}

/** What a collection may delete. It stays right however long it lies about. */
export interface CollectionPlan extends CollectionEstimate {
  /** Whether an object was listed, and nothing refers to it or can come to refer to it. */
  isDead(key: string): boolean;
}

/**
 * Finds what nothing needs any more, while backups, restores, prunes and other collectors go on; needs no lock, and clocks decide only
 * whom it fences. Deletes nothing, but fences open checkpoints and pins that ran out, and takes up pruned checkpoints whose undelete
 * window is over. Throws `CollectionOvertaken` where another collection deletes meanwhile, `RootMissing` and `RegisterLost` where register
 * and bank do not fit together.
 *
 * Takes about 45 bytes of memory for each object of the bank, and some hundred for each checkpoint; few roots are read at a time.
 */
export async function planCollection(request: CollectionRequest): Promise<CollectionPlan> {
  const { objects, estimate } = await markLive(request, false);
  return { ...estimate, isDead: (key) => objects.isDead(key) };
}

/** The same without changing anything: what a collection would find if it ran now. */
export async function estimateCollection(request: CollectionRequest): Promise<CollectionEstimate> {
  const { estimate } = await markLive(request, true);
  return estimate;
}

async function markLive(
  { bank, register, namesIn, undeleteSeconds, signal }: CollectionRequest,
  dryRun: boolean,
): Promise<{ objects: ListedObjects; estimate: CollectionEstimate }> {
  const options = signal === undefined ? {} : { signal };
  const objects = new ListedObjects();
  for (const prefix of DATA_PREFIXES) {
    for await (const object of bank.list(prefix, options)) objects.add(object);
  }
  const marker = new LiveMarker({ register, namesIn, objects, undeleteSeconds, dryRun, options });
  await marker.passA();
  await marker.passB();
  refuseLostRegister(bank, register, objects);
  return {
    objects,
    estimate: {
      ...objects.tally(),
      deadCheckpoints: [...marker.dead].sort(),
      fencedCheckpoints: marker.fencedCheckpoints.sort(),
      fencedPins: [...marker.fencedPins].sort(),
    },
  };
}

/** A record is created before any object of its checkpoint, and leaves a tombstone: a checkpoint without either was forgotten. */
function refuseLostRegister(bank: ObjectStore, register: Register, objects: ListedObjects): void {
  const unknown = objects.unknownCheckpoints();
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, SHOWN).join(', ');
  throw new RegisterLost(
    `${bank.location} holds objects of ${unknown.length} checkpoints that the register ${register.store.location} knows nothing of (${shown}${unknown.length > SHOWN ? ', …' : ''}). Nothing was deleted.`,
  );
}
