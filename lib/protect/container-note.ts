import type { ObjectStore } from '../bank/store/object-store.ts';
import { getIfThere } from '../bank/store/get-if-there.ts';
import { Failure } from './failure.ts';

/**
 * A container tells Step Functions that it failed, not why. It leaves its error in the work place, beside the results of its execution's
 * Maps, and a note at its beginning, so that one that was killed is not explained by an earlier one.
 */
function keyOf(prefix: string): string {
  return `${prefix}container.json`;
}

const BEGAN: Failure = {
  Error: 'States.TaskFailed',
  Cause: 'A container began and ended without a word: see its log, and why the task stopped.',
};

export async function noteContainer(
  work: ObjectStore,
  prefix: string,
  failure: Failure = BEGAN,
): Promise<void> {
  await work.put(keyOf(prefix), Buffer.from(JSON.stringify(failure)));
}

/** Undefined where no container was. */
export async function readContainerNote(
  work: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const bytes = await getIfThere(work, keyOf(prefix), { signal });
  return bytes && Failure.parse(JSON.parse(Buffer.from(bytes).toString()));
}
