import * as z from 'zod';
import type { Omission } from '../protect/description.ts';
import { nearNames } from '../protect/near-names.ts';
import { MAPPED_KINDS, type MappedKind } from './mappings.ts';

/** What may take the place of something. */
const Candidate = z.strictObject({
  /** Null where the cloud knows it by its name alone. */
  id: z.string().nullable(),
  name: z.string(),
});
export type Candidate = z.infer<typeof Candidate>;

/** Something of the original that cannot be had here as its checkpoint, or the request, calls it. */
export const Need = z.strictObject({
  kind: z.enum(MAPPED_KINDS),
  /** As the checkpoint calls it; null where it does not say. */
  from: z.string().nullable(),
  why: z.string(),
  /** The option that helps, with `?` in the place of a candidate. */
  give: z.string(),
  /** What becomes of the server otherwise; null: it cannot be restored. */
  without: z.string().nullable(),
  /** The nearest first. */
  candidates: z.array(Candidate),
  /** How many there are beside these. */
  moreCandidates: z.int().nonnegative(),
});
export type Need = z.infer<typeof Need>;

const SHOWN = 5;

/** Those whose names are like the word first, then the others in their order. */
export function nearest(
  word: string | null,
  things: readonly Candidate[],
): Pick<Need, 'candidates' | 'moreCandidates'> {
  const names =
    word === null
      ? []
      : nearNames(
          word,
          things.map(({ name }) => name),
        );
  const near = names.flatMap((name) => things.filter((thing) => thing.name === name));
  const candidates = [...new Set([...near, ...things])]
    .slice(0, SHOWN)
    .map(({ id, name }) => ({ id, name }));
  return { candidates, moreCandidates: things.length - candidates.length };
}

/** `--map KIND:OLD=?`, as it can be typed. A name with `=` in it would be cut there: its id is given then. */
export function mapping(kind: MappedKind, ...words: (string | null)[]): string {
  const from = words.find((word) => word !== null && !word.includes('=')) ?? 'OLD';
  const text = `${kind}:${from}=?`;
  return `--map ${/^[\w.:=?@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`}`;
}

/** The same thing is needed once, however often the server refers to it. */
export function distinct(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [needName(need), need])).values()];
}

/** A line for an error. */
export function needText(need: Need): string {
  return `${needName(need)}: ${need.why} (${need.give}; there is ${candidatesText(need)})`;
}

/** `key pair laptop`. */
export function needName({ kind, from }: Pick<Need, 'kind' | 'from'>): string {
  return `${kind.replace('-', ' ')}${from === null ? '' : ` ${from}`}`;
}

export function candidatesText({ candidates, moreCandidates }: Need): string {
  if (candidates.length === 0) return 'none';
  const names = candidates.map(({ id, name }) =>
    id === null || id === name ? name : `${name} (${id})`,
  );
  return `${names.join(', ')}${moreCandidates === 0 ? '' : ` and ${String(moreCandidates)} more`}`;
}

/** What the restore goes on without. */
export function omissionsOf(needs: readonly Need[]): Omission[] {
  return needs.flatMap((need) =>
    need.without === null
      ? []
      : [{ what: needName(need), why: `${upperFirst(need.why)}. ${need.without} (${need.give})` }],
  );
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
