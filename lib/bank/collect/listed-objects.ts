import type { StoredObject } from '../store/object-store.ts';
import { KeyTable } from './key-table.ts';

export interface Tally {
  objects: number;
  bytes: number;
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

/** What lay in the bank before the records were read, and what of it is found to be live. */
export class ListedObjects {
  readonly #keys = new KeyTable();
  readonly #checkpoints = new Map<string, OfCheckpoint>();

  add({ key, sizeBytes }: StoredObject): void {
    const checkpoint = checkpointOfKey(key);
    // What snapbank did not write it does not delete.
    if (checkpoint === undefined) return;
    if (!this.#keys.add(key, sizeBytes)) return;
    const of = this.#checkpoints.get(checkpoint) ?? newOfCheckpoint();
    this.#checkpoints.set(checkpoint, of);
    of.listed.objects += 1;
    of.listed.bytes += sizeBytes;
  }

  /** The object is referred to. */
  keep(key: string): void {
    const sizeBytes = this.#keys.mark(key);
    const of = this.#checkpoints.get(checkpointOfKey(key) ?? '');
    if (sizeBytes === undefined || of === undefined) return;
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
    return of !== undefined && !of.isKept && this.#keys.isUnmarked(key);
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
}

/** The checkpoint that wrote an object; undefined for the key of something else. */
export function checkpointOfKey(key: string): string | undefined {
  const match = DATA_KEY.exec(key);
  return match?.[1] ?? match?.[2];
}

function newOfCheckpoint(): OfCheckpoint {
  return {
    listed: { objects: 0, bytes: 0 },
    live: { objects: 0, bytes: 0 },
    isKnown: false,
    isKept: false,
  };
}

function add(sum: Tally, tally: Tally, sign: 1 | -1): void {
  sum.objects += sign * tally.objects;
  sum.bytes += sign * tally.bytes;
}
