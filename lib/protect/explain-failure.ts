import { StoreRefused } from '../bank/store/errors.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { readContainerNote } from './container-note.ts';
import type { Failure } from './failure.ts';
import { readFailures } from './map-results.ts';

/** Under which name Step Functions reports a Map of which a child execution failed. */
const MAP_FAILED = 'States.ExceedToleratedFailureThreshold';
/** And a container that ended with an error, or was ended. */
const TASK_FAILED = 'States.TaskFailed';
/** An execution's payload may hold 256 KiB. */
const MAX_CAUSE_CHARACTERS = 16_384;

/**
 * The failure itself, or, where a distributed Map or a container hides it, the error of the child that failed first, from what the Map's
 * ResultWriter left below the prefix, or that of the container, from its note there. Where these are refused, that is the failure to see to.
 */
export async function explainFailure(
  work: ObjectStore,
  prefix: string,
  failure: Failure,
  signal: AbortSignal,
): Promise<Failure> {
  try {
    const found = failure.Error === MAP_FAILED ? await childFailure(work, prefix, signal) : failure;
    if (found?.Error !== TASK_FAILED) return found ?? failure;
    return (await readContainerNote(work, prefix, signal)) ?? found;
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error;
    return { Error: error.name, Cause: error.message };
  }
}

async function childFailure(
  work: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  for await (const { error, cause } of readFailures(work, prefix, signal)) {
    // A Map within the Map, whose own failures lie below the same prefix.
    if (error === MAP_FAILED) continue;
    return { Error: error, Cause: cause.slice(0, MAX_CAUSE_CHARACTERS) };
  }
  return undefined;
}
