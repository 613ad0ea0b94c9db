import * as z from 'zod';

/** `$states.errorOutput` of a state machine. */
export const Failure = z.object({ Error: z.string(), Cause: z.string().optional() });
export type Failure = z.infer<typeof Failure>;
