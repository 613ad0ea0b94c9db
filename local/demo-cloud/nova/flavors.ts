import { type Answer, type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Flavor } from '../state.ts';

export function listFlavors(state: CloudState, call: Call, detail: boolean): Answer {
  const flavors = [...state.flavors.values()].map((flavor) =>
    detail
      ? flavorView(state, flavor, call.microversion)
      : { id: flavor.id, name: flavor.name, links: linksOf(state, flavor.id) },
  );
  return { status: 200, json: { flavors } };
}

export function showFlavor(state: CloudState, call: Call): Answer {
  return {
    status: 200,
    json: { flavor: flavorView(state, findFlavor(state, call), call.microversion) },
  };
}

export function showExtraSpecs(state: CloudState, call: Call): Answer {
  return { status: 200, json: { extra_specs: findFlavor(state, call).extraSpecs } };
}

function findFlavor(state: CloudState, call: Call): Flavor {
  const id = param(call, 'flavor');
  const flavor = state.flavors.get(id);
  if (flavor === undefined) throw new Refusal(404, `Flavor ${id} could not be found.`);
  return flavor;
}

const flavorView = (state: CloudState, flavor: Flavor, microversion: number) => ({
  id: flavor.id,
  name: flavor.name,
  ram: flavor.ramMib,
  disk: flavor.diskGib,
  swap: microversion >= 75 ? 0 : '',
  'OS-FLV-EXT-DATA:ephemeral': 0,
  'OS-FLV-DISABLED:disabled': false,
  vcpus: flavor.vcpus,
  'os-flavor-access:is_public': true,
  rxtx_factor: 1,
  links: linksOf(state, flavor.id),
  ...(microversion >= 55 ? { description: null } : {}),
  ...(microversion >= 61 ? { extra_specs: flavor.extraSpecs } : {}),
});

const linksOf = (state: CloudState, flavorId: string) => [
  { rel: 'self', href: `${state.endpoints.compute}/v2.1/flavors/${flavorId}` },
  { rel: 'bookmark', href: `${state.endpoints.compute}/flavors/${flavorId}` },
];
