/** Bytes that look random and are the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Bytes that compress well. */
export function text(length: number, seed = 1): Uint8Array {
  const line = Buffer.from(`The quick brown fox ${seed} jumps over the lazy dog.\n`);
  return Uint8Array.from({ length }, (_, at) => line[at % line.length] ?? 0);
}
