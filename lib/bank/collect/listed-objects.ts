import type { StoredObject } from '../store/object-store.ts';
import { KeyTable } from './key-table.ts';

export interface Tally {
  objects: number;
  bytes: number;
}

/** How much of the packs that are needed nobody needs, and which of them are worth rewriting for it. */
export interface Sparseness {
  readonly packBytes: number;
  readonly wasteBytes: number;
  /** Packs of which less than this share is needed. 0: none. */
  readonly cutoff: number;
}

interface OfCheckpoint {
  listed: Tally;
  live: Tally;
  /** The register has a record of the checkpoint, or its tombstone. */
  isKnown: boolean;
  /** All that carries the checkpoint's prefix is live. */
  isKept: boolean;
}

/** Data objects carry the id of the checkpoint that wrote them. */
const DATA_KEY = /^(?:packs|segments)\/([0-9a-f]{24})\/[^/]+$|^roots\/([0-9a-f]{24})-[^/]+$/;

/** Flags in the table of keys. */
const PACK = 2;
/** Named by somebody who keeps it as it is: what replaces it would lie beside it. */
const HELD = 4;
/** Shares of packs are told apart to a thousandth. */
const STEPS = 1000;

/** What lay in the bank before the records were read, and what of it is found to be live. */
export class ListedObjects {
  readonly keys: KeyTable;
  readonly #checkpoints: Map<string, OfCheckpoint>;

  constructor(keys = new KeyTable(), checkpoints: readonly CheckpointRow[] = []) {
    this.keys = keys;
    this.#checkpoints = new Map(
      checkpoints.map(([checkpoint, ...row]) => [checkpoint, ofRow(row)]),
    );
  }

  add({ key, sizeBytes }: StoredObject): void {
    const checkpoint = checkpointOfKey(key);
    // What snapbank did not write it does not delete.
    if (checkpoint === undefined) return;
    if (!this.keys.add(key, sizeBytes, key.startsWith('packs/') ? PACK : 0)) return;
    const of = this.#checkpoints.get(checkpoint) ?? ofRow([0, 0, 0, 0, false, false]);
    this.#checkpoints.set(checkpoint, of);
    of.listed.objects += 1;
    of.listed.bytes += sizeBytes;
  }

  /** The object is referred to; `usedBytes` of a pack, by whoever refers to it. */
  keep(
    key: string,
    { usedBytes = 0, isHeld = false }: { usedBytes?: number; isHeld?: boolean },
  ): void {
    const sizeBytes = this.keys.mark(key, usedBytes, isHeld ? HELD : 0);
    if (sizeBytes === undefined) return;
    const of = this.#checkpoints.get(checkpointOfKey(key) ?? '');
    if (of === undefined) return;
    of.live.objects += 1;
    of.live.bytes += sizeBytes;
  }

  /** Everything that the checkpoint wrote may still be referred to. */
  keepAllOf(checkpoint: string): void {
    const of = this.#checkpoints.get(checkpoint);
    if (of !== undefined) of.isKept = true;
  }

  know(checkpoint: string): void {
    const of = this.#checkpoints.get(checkpoint);
    if (of !== undefined) of.isKnown = true;
  }

  /** Checkpoints that have objects, and that the register never heard of. */
  unknownCheckpoints(): string[] {
    return [...this.#checkpoints].flatMap(([checkpoint, { isKnown }]) =>
      isKnown ? [] : [checkpoint],
    );
  }

  isDead(key: string): boolean {
    const of = this.#checkpoints.get(checkpointOfKey(key) ?? '');
    return of !== undefined && !of.isKept && this.keys.get(key)?.isMarked === false;
  }

  tally(): { listed: Tally; dead: Tally } {
    const listed = { objects: 0, bytes: 0 };
    const dead = { objects: 0, bytes: 0 };
    for (const of of this.#checkpoints.values()) {
      add(listed, of.listed, 1);
      if (of.isKept) continue;
      add(dead, of.listed, 1);
      add(dead, of.live, -1);
    }
    return { listed, dead };
  }

  /**
   * Which packs to rewrite so that at most `maxWaste` of what packs store is not needed: the emptiest first. Those that somebody holds as
   * they are do not count. Goes by the most that any one checkpoint uses of a pack, which is all that is used where checkpoints follow one
   * another.
   */
  sparseness(maxWaste: number): Sparseness {
    let packBytes = 0;
    let wasteBytes = 0;
    /** Of the packs that may be rewritten and are not. */
    const left = { packs: 0, waste: 0 };
    const wasteByShare = new Float64Array(STEPS + 1);
    for (const { sizeBytes, usedBytes, isMarked, flags } of this.keys.entries()) {
      if (!isMarked || (flags & PACK) === 0) continue;
      const waste = Math.max(0, sizeBytes - usedBytes);
      packBytes += sizeBytes;
      wasteBytes += waste;
      if ((flags & HELD) !== 0) continue;
      left.packs += sizeBytes;
      left.waste += waste;
      const step = stepOf(usedBytes, sizeBytes);
      wasteByShare[step] = (wasteByShare[step] ?? 0) + waste;
    }
    let step = 0;
    while (step < STEPS && left.waste > maxWaste * left.packs) {
      const gone = wasteByShare[step] ?? 0;
      left.packs -= gone;
      left.waste -= gone;
      step += 1;
    }
    return { packBytes, wasteBytes, cutoff: step / STEPS };
  }

  /** Whether the pack is one of those that `sparseness` counted. */
  isSparse(key: string, { cutoff }: Pick<Sparseness, 'cutoff'>): boolean {
    const entry = this.keys.get(key);
    if (entry === undefined || !entry.isMarked || (entry.flags & (PACK | HELD)) !== PACK) {
      return false;
    }
    return stepOf(entry.usedBytes, entry.sizeBytes) < cutoff * STEPS;
  }

  rows(): CheckpointRow[] {
    return [...this.#checkpoints].map(([checkpoint, { listed, live, isKnown, isKept }]) => [
      checkpoint,
      ...([listed.objects, listed.bytes, live.objects, live.bytes] as const),
      isKnown,
      isKept,
    ]);
  }
}

type Row = [
  listedObjects: number,
  listedBytes: number,
  liveObjects: number,
  liveBytes: number,
  isKnown: boolean,
  isKept: boolean,
];
/** What is known of a checkpoint's objects, for another process. */
export type CheckpointRow = [checkpoint: string, ...Row];

function ofRow([objects, bytes, liveObjects, liveBytes, isKnown, isKept]: Row): OfCheckpoint {
  const live = { objects: liveObjects, bytes: liveBytes };
  return { listed: { objects, bytes }, live, isKnown, isKept };
}

/** The checkpoint that wrote an object; undefined for the key of something else. */
export function checkpointOfKey(key: string): string | undefined {
  const match = DATA_KEY.exec(key);
  return match?.[1] ?? match?.[2];
}

function stepOf(usedBytes: number, sizeBytes: number): number {
  return Math.min(STEPS, Math.floor((usedBytes / Math.max(1, sizeBytes)) * STEPS));
}

function add(sum: Tally, tally: Tally, sign: 1 | -1): void {
  sum.objects += sign * tally.objects;
  sum.bytes += sign * tally.bytes;
}
