import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { CheckpointId } from '../bank/register/ids.ts';
import { ServerIdentity } from '../bank/register/identity.ts';
import { RootReference } from '../bank/register/record.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { Finding } from './finding.ts';
import { VerifyLevel } from './request.ts';

/** What a verification looks at: the output of PlanVerify and the input of every state after it. Small, whatever the bank's size. */
export const VerifyPlan = z.strictObject({
  verificationId: z.string(),
  level: VerifyLevel,
  /** Runs that a sample takes to have been everywhere; null: each run is. */
  sampleRuns: z.int().nullable(),
  /** Whose turns the samples of this verification take; see `samplingScope`. */
  sampleScope: z.string().default(''),
  /** Groups of checkpoints, one a server; they lie in the work place. */
  groups: z.int().nonnegative(),
  itemsKey: z.string(),
  items: z.int().nonnegative(),
  rangesAtOnce: z.int().positive(),
  /** Of disks, holes included, counted once for each checkpoint. */
  totalBytes: z.number().nonnegative(),
});
export type VerifyPlan = z.infer<typeof VerifyPlan>;

/** The checkpoints of one server that are verified together: what they share is read once. */
export const VerifyGroup = z.strictObject({
  server: ServerIdentity,
  serverName: z.string().nullable(),
  /** Number of this server's sample since counting began; null without one. */
  sampleRun: z.int().nonnegative().nullable(),
  /** How many segments are to be looked at. */
  segments: z.int().nonnegative(),
  /** Oldest first. */
  checkpoints: z.array(
    z.strictObject({
      checkpoint: CheckpointId,
      createdAt: z.string(),
      /** The root that was pinned: a checkpoint can get another one. */
      root: RootReference,
      pinId: z.string().nullable(),
      /** False where there is nothing but a finding to be had. */
      readable: z.boolean(),
    }),
  ),
  pinnedAt: z.iso.datetime(),
  /** What is wrong with roots. */
  findings: z.array(Finding),
});
export type VerifyGroup = z.infer<typeof VerifyGroup>;

/** Work for one function: some segments of one disk, in all checkpoints of a group. */
export const VerifyItem = z.strictObject({
  group: z.int().nonnegative(),
  disk: z.int().nonnegative(),
  segments: z.array(z.int().nonnegative()).min(1),
});
export type VerifyItem = z.infer<typeof VerifyItem>;

/** Of a server with a million checkpoints. */
const MAX_GROUP_BYTES = 512 * 2 ** 20;

export function verificationPrefix(verificationId: string): string {
  return `verifications/${verificationId}/`;
}

function groupKey(verificationId: string, group: number): string {
  return `${verificationPrefix(verificationId)}groups/${String(group)}.json`;
}

/** Sealed where the bank is: a proof follows from it. */
export async function putGroup(
  bank: Bank,
  verificationId: string,
  { number, group }: { number: number; group: VerifyGroup },
  signal: AbortSignal,
): Promise<void> {
  await putNote(bank, groupKey(verificationId, number), group, { signal });
}

/** Throws `ObjectNotFound`, `ObjectDamaged`. */
export async function readGroup(
  bank: Bank,
  verificationId: string,
  number: number,
  signal: AbortSignal,
): Promise<VerifyGroup> {
  const expected = { schema: VerifyGroup, maxBytes: MAX_GROUP_BYTES };
  return await readNote(bank, groupKey(verificationId, number), expected, { signal });
}

/** Writes the items, one JSON line each, for the Map's ItemReader. */
export async function putVerifyItems(
  work: ObjectStore,
  verificationId: string,
  items: readonly VerifyItem[],
  signal: AbortSignal,
): Promise<string> {
  const key = `${verificationPrefix(verificationId)}items.jsonl`;
  const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
  await work.put(key, Buffer.from(lines), { signal });
  return key;
}
