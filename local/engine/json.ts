export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Step Functions' limit for the input, the result and the output of a state: 256 KiB of UTF-8. */
export const PAYLOAD_LIMIT_BYTES = 262_144;

/** JSON text of a value; what JSON has no word for (`undefined`) becomes null. */
export function toJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

export function exceedsPayloadLimit(json: string): boolean {
  // A UTF-16 unit takes at most three bytes of UTF-8: short texts need no count.
  return json.length * 3 > PAYLOAD_LIMIT_BYTES && Buffer.byteLength(json) > PAYLOAD_LIMIT_BYTES;
}

/** The word that Step Functions' messages use for a value's type. */
export function typeName(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
