import * as z from 'zod';
import { Finding } from './finding.ts';
import { VerifyLevel } from './request.ts';

/** What became of one checkpoint. */
export const CheckpointOutcome = z.strictObject({
  checkpoint: z.string(),
  serverId: z.string(),
  serverName: z.string().nullable(),
  createdAt: z.string(),
  /** `unverified`: something kept the verification from looking at all of it; nothing is said about it. */
  status: z.enum(['sound', 'damaged', 'unverified']),
  /** Bytes of its disks that cannot be read; null: none of it can. */
  hurtBytes: z.number().nullable(),
  /** Whether this run completed the proof that every chunk of it can be read. */
  proven: z.boolean(),
  error: z.strictObject({ name: z.string(), message: z.string() }).nullable(),
});
export type CheckpointOutcome = z.infer<typeof CheckpointOutcome>;

/** The whole report, in the work place. */
export const VerifyReport = z.strictObject({
  checkpoints: z.array(CheckpointOutcome),
  findings: z.array(Finding),
  /** Objects that are marked now, so that the next backup stores anew what they held. */
  marked: z.array(z.string()),
  /** Objects that were marked and are sound again. */
  cleared: z.array(z.string()),
});
export type VerifyReport = z.infer<typeof VerifyReport>;

/** Output of a verify execution: small, whatever there is to report. */
export const VerifySummary = z.strictObject({
  level: VerifyLevel,
  sampleRuns: z.number().nullable(),
  checkpoints: z.number(),
  sound: z.number(),
  damaged: z.number(),
  unverified: z.number(),
  proven: z.number(),
  damagedObjects: z.number(),
  segments: z.number(),
  packs: z.number(),
  chunks: z.number(),
  bytesRead: z.number(),
  /** Key of the `VerifyReport`. */
  reportKey: z.string(),
  /** Some of the checkpoints that are damaged. */
  damagedCheckpoints: z.array(z.string()),
});
export type VerifySummary = z.infer<typeof VerifySummary>;
