import type { Bank } from '../bank.ts';
import type { RootReference } from '../register/record.ts';
import { readRoot } from '../roots.ts';
import type { CallOptions } from '../store/object-store.ts';

/** The keys of all that a root names. Throws `ObjectNotFound` when the root is not there. */
export type NamesInRoot = (root: RootReference, options?: CallOptions) => Promise<Iterable<string>>;

export function namesInRoot(bank: Bank): NamesInRoot {
  return async (reference, options) => {
    const { disks, packs } = await readRoot(bank, reference, options);
    return keysOf(
      disks.flatMap(({ segments }) => segments.flatMap(({ object }) => object ?? [])),
      packs,
    );
  };
}

function* keysOf(...lists: readonly (readonly { key: string }[])[]): Generator<string> {
  for (const list of lists) for (const { key } of list) yield key;
}
