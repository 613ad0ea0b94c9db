import { InvalidInput } from '../errors.ts';

/** Kinds of things of a cloud that a server refers to, and that are called otherwise in another one. */
export const MAPPED_KINDS = [
  'flavor',
  'network',
  'security-group',
  'key-pair',
  'volume-type',
] as const;
export type MappedKind = (typeof MAPPED_KINDS)[number];

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

/** What is to take the place of something that is known by these words; an id counts before a name. */
export function mappedTo(
  mappings: Mappings | undefined,
  kind: MappedKind,
  ...words: (string | null)[]
): string | undefined {
  return words
    .map((word) => (word === null ? undefined : mappings?.[kind]?.[word]))
    .find((to) => to !== undefined);
}
