import { InvalidInput } from '../errors.ts';
import type { ServerDescription } from '../protect/description.ts';

/** Kinds of things of a cloud that a server refers to, and that are called otherwise in another one. */
export const MAPPED_KINDS = [
  'flavor',
  'network',
  'security-group',
  'key-pair',
  'volume-type',
] as const;
type MappedKind = (typeof MAPPED_KINDS)[number];

/** By kind, what takes the place of what: ids or names. */
export type Mappings = Partial<Record<MappedKind, Record<string, string>>>;

/** Reads `KIND:OLD=NEW`, as people write it. Throws `InvalidInput`. */
export function parseMappings(texts: readonly string[]): Mappings {
  const mappings: Mappings = {};
  for (const text of texts) {
    const [, kind = '', from = '', to = ''] = /^([a-z-]+):(.+?)=(.+)$/.exec(text) ?? [];
    const known = MAPPED_KINDS.find((one) => one === kind);
    if (known === undefined) {
      throw new InvalidInput(
        `"${text}" is no mapping: write KIND:OLD=NEW, with KIND one of ${MAPPED_KINDS.join(', ')}.`,
      );
    }
    mappings[known] = { ...mappings[known], [from]: to };
  }
  return mappings;
}

/** The server as it is to be looked for here. An id counts before a name; what has no mapping stays. */
export function mapDescription(
  description: ServerDescription,
  mappings: Mappings,
): ServerDescription {
  const mapped = (kind: MappedKind, ...words: (string | null)[]) => {
    for (const word of words) {
      const to = word === null ? undefined : mappings[kind]?.[word];
      if (to !== undefined) return to;
    }
    return undefined;
  };
  const { flavor, ports, securityGroups, keyName } = description;
  const flavorTo = mapped('flavor', flavor.id, flavor.name);
  return {
    ...description,
    flavor: flavorTo === undefined ? flavor : { ...flavor, id: flavorTo, name: flavorTo },
    ports: ports.map((port) => {
      const to = mapped('network', port.networkId, port.networkName);
      return to === undefined ? port : { ...port, networkId: to, networkName: to };
    }),
    securityGroups: securityGroups.map((name) => mapped('security-group', name) ?? name),
    keyName: mapped('key-pair', keyName) ?? keyName,
  };
}
