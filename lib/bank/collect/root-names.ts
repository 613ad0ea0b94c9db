import type { Bank } from '../bank.ts';
import { storedBytesOf } from '../format/pack-layout.ts';
import type { RootReference } from '../register/record.ts';
import { readRoot } from '../roots.ts';
import type { CallOptions } from '../store/object-store.ts';

/** An object that a root names. */
export interface NamedObject {
  readonly key: string;
  /** Of a pack: how much of it the root's checkpoint needs. */
  readonly usedBytes?: number;
}

/** All that a root names. Throws `ObjectNotFound` when the root is not there. */
export type NamesInRoot = (
  root: RootReference,
  options?: CallOptions,
) => Promise<Iterable<NamedObject>>;

export function namesInRoot(bank: Bank): NamesInRoot {
  return async (reference, options) => {
    const { disks, packs } = await readRoot(bank, reference, options);
    const segments = disks.flatMap((disk) => disk.segments.flatMap(({ object }) => object ?? []));
    return namesOf(segments, packs);
  };
}

function* namesOf(
  segments: readonly { key: string }[],
  packs: readonly { key: string; liveChunks: number; liveBytes: number }[],
): Generator<NamedObject> {
  for (const { key } of segments) yield { key };
  for (const { key, liveChunks, liveBytes } of packs) {
    yield { key, usedBytes: storedBytesOf(liveChunks, liveBytes) };
  }
}
