import * as z from 'zod';
import type { ObjectStore } from '../bank/store/object-store.ts';

/** What a child execution of a distributed Map left: its input, and its output or its error. */
export interface ChildResult {
  input: unknown;
  outcome: { output: unknown } | { error: string; cause: string };
}

const Manifest = z.object({
  ResultFiles: z.object({
    SUCCEEDED: z.array(z.object({ Key: z.string() })),
    FAILED: z.array(z.object({ Key: z.string() })),
    PENDING: z.array(z.object({ Key: z.string() })),
  }),
});

const ChildExecution = z.object({
  Input: z.string(),
  Status: z.string(),
  Output: z.string().optional(),
  Error: z.string().optional(),
  Cause: z.string().optional(),
});

/**
 * Reads the files that a Map's ResultWriter wrote (Step Functions Developer Guide, "ResultWriter"): a manifest that names JSON arrays
 * of child executions, whose inputs and outputs are JSON texts. `prefix` is that of the work place within its bucket.
 */
export async function* readMapResults(
  work: ObjectStore,
  manifestKey: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ChildResult> {
  const read = async (key: string): Promise<unknown> =>
    JSON.parse(Buffer.from(await work.get(within(prefix, key), { signal })).toString());
  const { SUCCEEDED, FAILED, PENDING } = Manifest.parse(await read(manifestKey)).ResultFiles;
  for (const { Key } of [...SUCCEEDED, ...FAILED, ...PENDING]) {
    for (const child of z.array(ChildExecution).parse(await read(Key))) {
      yield { input: JSON.parse(child.Input), outcome: outcomeOf(child) };
    }
  }
}

/** The errors of all failed child executions below a ResultWriter's prefix, whichever run of the Map they belong to. */
export async function* readFailures(
  work: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<{ error: string; cause: string }> {
  for await (const { key } of work.list(prefix, { signal })) {
    if (!/\/FAILED_\d+\.json$/.test(key)) continue;
    const bytes = await work.get(key, { signal });
    const children = z.array(ChildExecution).parse(JSON.parse(Buffer.from(bytes).toString()));
    for (const { Status, Error: error, Cause: cause = '' } of children) {
      // Siblings that were stopped because of the failure have no error of their own.
      if (Status === 'FAILED' && error !== undefined) yield { error, cause };
    }
  }
}

function outcomeOf(child: z.infer<typeof ChildExecution>): ChildResult['outcome'] {
  if (child.Status === 'SUCCEEDED') return { output: JSON.parse(child.Output ?? 'null') };
  return { error: child.Error ?? `States.${child.Status}`, cause: child.Cause ?? '' };
}

/** Step Functions names keys within the bucket, a place within its prefix. */
function within(prefix: string, key: string): string {
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}
