import * as z from 'zod';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { readFailures } from './map-results.ts';

/** `$states.errorOutput` of a state machine. */
export const Failure = z.object({ Error: z.string(), Cause: z.string().optional() });
export type Failure = z.infer<typeof Failure>;

/** Under which name Step Functions reports a Map of which a child execution failed. */
const MAP_FAILED = 'States.ExceedToleratedFailureThreshold';
/** An execution's payload may hold 256 KiB. */
const MAX_CAUSE_CHARACTERS = 16_384;

/**
 * The failure itself, or, where a distributed Map hides it, the error of the child that failed first, from what the Map's ResultWriter
 * left below the prefix.
 */
export async function explainFailure(
  work: ObjectStore,
  prefix: string,
  failure: Failure,
  signal: AbortSignal,
): Promise<Failure> {
  if (failure.Error !== MAP_FAILED) return failure;
  for await (const { error, cause } of readFailures(work, prefix, signal)) {
    return { Error: error, Cause: cause.slice(0, MAX_CAUSE_CHARACTERS) };
  }
  return failure;
}
