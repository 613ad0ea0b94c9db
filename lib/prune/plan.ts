import * as z from 'zod';
import { ServerIdentity } from '../bank/register/identity.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { PruneRequest } from './request.ts';

/** What is to become of the checkpoints of a server that were made under one plan, or under none; newest first. */
export const ServerDecisions = z.strictObject({
  server: ServerIdentity,
  serverName: z.string().nullable(),
  plan: z.string().nullable(),
  decisions: z.array(
    z.strictObject({
      checkpoint: z.string(),
      createdAt: z.iso.datetime(),
      keep: z.boolean(),
      reasons: z.array(z.string()),
      /** What it refers to is locked at least until then; null where it is not. */
      lockedUntil: z.iso.datetime().nullable(),
    }),
  ),
});
export type ServerDecisions = z.infer<typeof ServerDecisions>;

/** Output of PlanPrune: small; the decisions lie in the work place. */
export const PrunePlan = z.strictObject({
  request: PruneRequest,
  dryRun: z.boolean(),
  servers: z.int(),
  kept: z.int(),
  /** Checkpoints that go. */
  pruned: z.int(),
  /** Key of the JSON array of all `ServerDecisions`. */
  decisionsKey: z.string(),
});
export type PrunePlan = z.infer<typeof PrunePlan>;

/** Output of a prune execution that was not only planned. */
export const PruneSummary = z.strictObject({
  ...PrunePlan.shape,
  /** Of those that were to go, the ones that a second look kept: their server's checkpoints had changed meanwhile. */
  spared: z.int(),
});
export type PruneSummary = z.infer<typeof PruneSummary>;

export async function readDecisions(
  work: ObjectStore,
  { decisionsKey }: Pick<PrunePlan, 'decisionsKey'>,
  signal?: AbortSignal,
): Promise<ServerDecisions[]> {
  const bytes = await work.get(decisionsKey, signal === undefined ? {} : { signal });
  return z.array(ServerDecisions).parse(JSON.parse(Buffer.from(bytes).toString()));
}
