import * as z from 'zod';

/** Of a plan, under which servers are backed up. */
export const PlanName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,29}$/, 'needs a-z, 0-9, -, at most 30 of them');
