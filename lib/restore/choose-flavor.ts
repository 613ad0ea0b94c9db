import type { Flavor } from '../openstack/open-stack.ts';
import type { ServerDescription } from '../protect/description.ts';
import { mappedTo } from './mappings.ts';
import { mapping, type Need, nearest } from './needs.ts';
import type { RestoreRequest } from './request.ts';

const GIB = 1024 ** 3;

export interface FlavorToChoose {
  description: Pick<ServerDescription, 'flavor'>;
  request: Pick<RestoreRequest, 'flavor' | 'map'>;
  guestSizeBytes: number;
  minDiskGiB: number;
}

/** The flavor that is asked for, or else that of the original; adds to `needs` where there is none, or its disk is too small. */
export function chooseFlavor(
  { description: { flavor: old }, request, guestSizeBytes, minDiskGiB }: FlavorToChoose,
  flavors: readonly Flavor[],
  needs: Need[],
): Flavor | undefined {
  const asked = request.flavor ?? mappedTo(request.map, 'flavor', old.id, old.name);
  const [id, name] = asked === undefined ? [old.id, old.name] : [asked, asked];
  const found =
    flavors.find((flavor) => flavor.id === id) ?? flavors.find((flavor) => flavor.name === name);
  const neededGiB = Math.max(minDiskGiB, Math.ceil(guestSizeBytes / GIB));
  // A flavor whose disk is 0 takes the size of the image.
  const fits = ({ diskGiB }: Flavor) => diskGiB === 0 || diskGiB >= neededGiB;
  if (found !== undefined && fits(found)) return found;
  const isLarge = ({ vcpus, ramMiB }: Flavor) =>
    vcpus >= (old.vcpus ?? 0) && ramMiB >= (old.ramMiB ?? 0);
  const candidates = flavors
    .filter((flavor) => fits(flavor) && !flavor.disabled)
    .toSorted(
      (a, b) => Number(isLarge(b)) - Number(isLarge(a)) || a.ramMiB - b.ramMiB || a.vcpus - b.vcpus,
    );
  const from = old.name ?? old.id;
  needs.push({
    kind: 'flavor',
    from,
    why: whyNot(found, asked ?? from, neededGiB),
    give:
      request.flavor !== undefined || from === null
        ? '--flavor ?'
        : mapping('flavor', old.name, old.id),
    without: null,
    ...nearest(found === undefined ? (name ?? id) : null, candidates),
  });
  return undefined;
}

function whyNot(found: Flavor | undefined, wanted: string | null, neededGiB: number): string {
  if (found !== undefined) {
    return `its disk needs ${String(neededGiB)} GiB, and ${found.name} has ${String(found.diskGiB)}`;
  }
  return wanted === null ? 'the checkpoint does not say which it had' : `there is no ${wanted}`;
}
