import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { unwrap, wrap } from '../bank/format/envelope.ts';
import { SegmentStats } from '../bank/format/root.ts';
import { serverKeyOf } from '../bank/register/ids.ts';
import type { ServerIdentity } from '../bank/register/identity.ts';

/** What listings show of a checkpoint without reading its root. In a sealed bank it is sealed: it holds the server's name. */
export const CheckpointSummary = z.strictObject({
  serverName: z.string(),
  /** The plan under which it was made; null without one. */
  plan: z.string().nullable().default(null),
  /** Known once the checkpoint is committed. */
  done: z
    .strictObject({
      consistency: z.string(),
      imageKind: z.enum(['snapshot', 'boot-image']),
      diskBytes: z.number().int().nonnegative(),
      /** Uncovered volumes and the like. */
      notCovered: z.number().int().nonnegative(),
      stats: SegmentStats,
    })
    .nullable(),
});
export type CheckpointSummary = z.infer<typeof CheckpointSummary>;

const MAX_BYTES = 64 * 1024;

export async function sealSummary(
  bank: Bank,
  identity: ServerIdentity,
  summary: CheckpointSummary,
): Promise<string> {
  const plain = Buffer.from(JSON.stringify(summary));
  return (await wrap(bank.keys, contextOf(bank, identity), plain)).toString('base64');
}

export async function openSummary(
  bank: Bank,
  identity: ServerIdentity,
  sealed: string,
): Promise<CheckpointSummary> {
  const bytes = Buffer.from(sealed, 'base64');
  const plain = await unwrap(bank.keys, contextOf(bank, identity), bytes, MAX_BYTES);
  return CheckpointSummary.parse(JSON.parse(plain.toString()));
}

/** Bound to the server: another server's summary does not open in its place. */
function contextOf(bank: Bank, identity: ServerIdentity) {
  return { kind: 'note' as const, key: `summaries/${serverKeyOf(bank.keys.nameKey, identity)}` };
}
