import * as z from 'zod';

const Count = z.int().positive().max(100_000);

/** A span in calendar units, such as `30d`, `1y6m`, `48h`. */
const SPAN = /^(?=.)(?:(\d{1,4})y)?(?:(\d{1,4})m)?(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?$/;

/** What is kept of a server's checkpoints. They add up: what one rule keeps stays, whatever the others say. */
export const KeepRules = z
  .strictObject({
    /** The newest so many. */
    last: Count.optional(),
    /** The newest of each of the last so many hours, days, … that have one. */
    hourly: Count.optional(),
    daily: Count.optional(),
    /** ISO weeks: from Monday. */
    weekly: Count.optional(),
    monthly: Count.optional(),
    yearly: Count.optional(),
    /** All that are no older than this before the newest one: `30d`, `1y6m`, `48h`. */
    within: z.string().regex(SPAN, 'a span such as 30d, 1y6m or 48h').optional(),
  })
  .refine((rules) => Object.values(rules).some((rule) => rule !== undefined), {
    message: 'at least one rule must say what is kept',
  });
export type KeepRules = z.infer<typeof KeepRules>;

/** The time so far before another one, by the calendar of UTC. */
export function before(milliseconds: number, span: string): number {
  const [years, months, weeks, days, hours] = (SPAN.exec(span) ?? [])
    .slice(1)
    .map((digits: string | undefined) => Number(digits ?? 0));
  const date = new Date(milliseconds);
  const dayOfMonth = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - (years ?? 0) * 12 - (months ?? 0));
  const monthsEnd = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
  // A month before 31 March is the last of February.
  date.setUTCDate(Math.min(dayOfMonth, new Date(monthsEnd).getUTCDate()));
  return date.getTime() - (((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 3_600_000;
}
