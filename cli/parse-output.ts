import type * as z from 'zod';
import { OutputNotUnderstood } from './aws/errors.ts';

/** What an execution ended with, or left in the work place; in AWS another version may have written it. Throws `OutputNotUnderstood`. */
export function parseOutput<T>(schema: z.ZodType<T>, output: unknown): T {
  const result = schema.safeParse(output);
  if (result.success) return result.data;
  const fields = result.error.issues.map(({ path }) => path.join('.') || 'the whole');
  throw new OutputNotUnderstood(
    `What the execution ended with is not what this version of snapbank expects (${[...new Set(fields)].slice(0, 5).join(', ')}).`,
  );
}

/** The same of JSON as text or bytes. */
export function parseOutputText<T>(schema: z.ZodType<T>, text: string | Uint8Array): T {
  return parseOutput(
    schema,
    jsonIn(typeof text === 'string' ? text : Buffer.from(text).toString()),
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
