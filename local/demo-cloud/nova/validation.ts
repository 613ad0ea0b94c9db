import * as z from 'zod';

import { Refusal } from '../http/refusal.ts';

/** A tag of a server, which takes its place in queries and paths. */
export const tagSchema = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[^,/]*$/);

/** The body as the schema has it; else 400 in Nova's words. */
export function validated<T>(schema: z.ZodType<T>, body: unknown, where: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const value = at(body, path);
  // What is missing is said of the object that lacks it.
  const about = value === undefined ? path.slice(0, -1) : path;
  const name = String(about.at(-1) ?? where);
  throw new Refusal(
    400,
    `Invalid input for field/attribute ${name}. Value: ${text(at(body, about))}. ${reason(issue, value, path)}`,
  );
}

function at(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    body,
  );
}

function reason(issue: z.core.$ZodIssue | undefined, value: unknown, path: PropertyKey[]): string {
  if (value === undefined) return `'${String(path.at(-1))}' is a required property`;
  if (issue?.code === 'too_big') return `'${text(value)}' is too long`;
  if (issue?.code === 'too_small') return `'${text(value)}' is too short`;
  if (issue?.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => `'${key}'`).join(', ');
    return `Additional properties are not allowed (${names} was unexpected)`;
  }
  return issue?.message ?? 'is not valid';
}

const text = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
