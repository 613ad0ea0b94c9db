import * as z from 'zod';

import type { Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';

/** The filter `metadata={"key":"value"}` of a list: all items must be there. */
export function withMetadata(call: Call): (thing: { metadata: Record<string, string> }) => boolean {
  const given = call.query.get('metadata');
  if (given === null) return () => true;
  const wanted = Object.entries(parsed(given));
  return ({ metadata }) => wanted.every(([key, value]) => metadata[key] === value);
}

function parsed(text: string): Record<string, string> {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text));
  } catch {
    throw new Refusal(400, `Invalid filter metadata: ${text}`);
  }
}
