import * as z from 'zod';

/** Of a page, a list of graves or of packs: some million keys. */
export const MAX_NOTE_BYTES = 256 * 2 ** 20;

/** How many objects, and how many bytes. */
export const Tally = z.strictObject({
  objects: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
});

/** Output of PlanCollection and input of every state after it. Small, whatever the bank's size. */
export const CollectionPlan = z.strictObject({
  collectionId: z.string(),
  execution: z.string(),
  dryRun: z.boolean(),
  listed: Tally,
  dead: Tally,
  /** Of the packs that are needed: all of them, and what of them nobody needs. */
  packBytes: z.int().nonnegative(),
  wasteBytes: z.int().nonnegative(),
  /** Packs that are worth rewriting. */
  sparse: Tally,
  /** Why they are not rewritten; null where they are. */
  notCompacted: z
    .enum(['dry run', 'not asked for', 'the bank is locked', 'the key may not read'])
    .nullable(),
  fencedCheckpoints: z.int().nonnegative(),
  /** Checkpoints whose records are removed when their objects are deleted. */
  deadCheckpoints: z.int().nonnegative(),
  /** Of these, the ones whose data stays because a reader holds it: a mount, a restore, a verification. */
  heldCheckpoints: z.int().nonnegative().default(0),
  /** Where the lists lie in the work place. */
  listsPrefix: z.string(),
  /** Pages of keys to delete, and the items that name them. */
  pages: z.int().nonnegative(),
  pagesKey: z.string(),
  /** Groups of servers whose packs are rewritten together, and the items that name them. */
  groups: z.int().nonnegative(),
  groupsKey: z.string(),
  rangesAtOnce: z.int().positive(),
});
export type CollectionPlan = z.infer<typeof CollectionPlan>;

/** Work for one DeletePage. */
export const DeletionItem = z.strictObject({ page: z.string().regex(/^[0-9a-z-]+$/) });
export type DeletionItem = z.infer<typeof DeletionItem>;

/** Work for one CompactGroup. */
export const CompactionItem = z.strictObject({ group: z.int().nonnegative() });
export type CompactionItem = z.infer<typeof CompactionItem>;

/** What became of a page. */
export const DeletionReport = z.strictObject({
  deleted: Tally,
  retained: Tally,
  retainedUntil: z.iso.datetime().nullable(),
});

/** A page of the list of what is to be deleted. */
export const DeletionPage = z.strictObject({
  /** Keys and sizes, ascending. */
  objects: z.array(z.tuple([z.string(), z.int().nonnegative()])),
});
export type DeletionPage = z.infer<typeof DeletionPage>;

/** What became of a group. */
export const CompactionReport = z.strictObject({
  /** Packs that were emptied, and what they take until they are collected. */
  emptied: Tally,
  written: Tally,
  checkpoints: z.int().nonnegative(),
  /** Why nothing was done. */
  skipped: z.string().nullable(),
});
export type CompactionReport = z.infer<typeof CompactionReport>;

/** Servers that share what they stored, and their packs that are worth rewriting. */
export const CompactionGroup = z.strictObject({
  servers: z.array(z.string()).min(1),
  /** Keys and sizes. */
  packs: z.array(z.tuple([z.string(), z.int().nonnegative()])).min(1),
});
export type CompactionGroup = z.infer<typeof CompactionGroup>;

/** Records to remove at the end. */
export const Graves = z.strictObject({
  checkpoints: z.array(z.string()),
  pins: z.array(z.string()),
});
export type Graves = z.infer<typeof Graves>;

export function collectionPrefix(collectionId: string): string {
  return `collections/${collectionId}/`;
}

export function pageKey(
  { listsPrefix }: Pick<CollectionPlan, 'listsPrefix'>,
  page: string,
): string {
  return `${listsPrefix}pages/${page}`;
}

export function deletionReportsPrefix({
  listsPrefix,
}: Pick<CollectionPlan, 'listsPrefix'>): string {
  return `${listsPrefix}deleted/`;
}

export function deletionReportKey(plan: Pick<CollectionPlan, 'listsPrefix'>, page: string): string {
  return `${deletionReportsPrefix(plan)}${page}.json`;
}

export function groupKey(
  { listsPrefix }: Pick<CollectionPlan, 'listsPrefix'>,
  group: number,
): string {
  return `${listsPrefix}groups/${String(group)}`;
}

/** Where a group's compaction keeps what it has come to. */
export function groupPrefix(plan: Pick<CollectionPlan, 'listsPrefix'>, group: number): string {
  return `${plan.listsPrefix}compactions/${String(group)}/`;
}

export function compactionReportsPrefix({
  listsPrefix,
}: Pick<CollectionPlan, 'listsPrefix'>): string {
  return `${listsPrefix}compacted/`;
}

export function gravesKey({ listsPrefix }: Pick<CollectionPlan, 'listsPrefix'>): string {
  return `${listsPrefix}graves`;
}
