import * as z from 'zod';

/** What became of one server, in the words of the command's summary. */
export const ServerOutcome = z.strictObject({
  id: z.string(),
  name: z.string().nullable(),
  checkpoint: z.string().nullable(),
  status: z.enum(['succeeded', 'failed']),
  diskBytes: z.number().nullable(),
  readBytes: z.number().nullable(),
  newBytes: z.number().nullable(),
  storedBytes: z.number().nullable(),
  /** `crash-consistent`, `stopped`, …; null where there is no checkpoint. */
  consistency: z.string().nullable(),
  /** `boot-image` where no snapshot was wanted: it holds no user data. */
  imageKind: z.enum(['snapshot', 'boot-image']).nullable(),
  /** Volumes and the like that the checkpoint leaves out, counted; `snapbank show` names them. */
  notCovered: z.number().nullable(),
  warnings: z.array(z.string()),
  error: z.strictObject({ name: z.string(), message: z.string() }).nullable(),
});
export type ServerOutcome = z.infer<typeof ServerOutcome>;

/** Output of a backup execution: small, whatever the number of servers; the list lies in the work place. */
export const BackupSummary = z.strictObject({
  total: z.number().int(),
  succeeded: z.number().int(),
  failed: z.number().int(),
  readBytes: z.number(),
  newBytes: z.number(),
  storedBytes: z.number(),
  /** Key of the JSON array of all `ServerOutcome`s. */
  outcomesKey: z.string(),
  /** Some of those that failed. */
  failures: z.array(
    z.strictObject({ id: z.string(), name: z.string().nullable(), error: z.string() }),
  ),
});
export type BackupSummary = z.infer<typeof BackupSummary>;

/** An execution's output may hold 256 KiB. */
const SHOWN_FAILURES = 50;

export function summarise(outcomes: readonly ServerOutcome[], outcomesKey: string): BackupSummary {
  const failed = outcomes.filter(({ status }) => status === 'failed');
  const sum = (of: (outcome: ServerOutcome) => number | null) =>
    outcomes.reduce((total, outcome) => total + (of(outcome) ?? 0), 0);
  return {
    total: outcomes.length,
    succeeded: outcomes.length - failed.length,
    failed: failed.length,
    readBytes: sum(({ readBytes }) => readBytes),
    newBytes: sum(({ newBytes }) => newBytes),
    storedBytes: sum(({ storedBytes }) => storedBytes),
    outcomesKey,
    failures: failed
      .slice(0, SHOWN_FAILURES)
      .map(({ id, name, error }) => ({ id, name, error: error?.name ?? 'Unknown' })),
  };
}
