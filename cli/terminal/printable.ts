/**
 * Everything that a terminal acts on instead of showing: control characters (C0, DEL, C1), line and paragraph separators, lone
 * surrogates, and invisible format characters such as the bidirectional overrides. The two joiners stay: scripts and emoji need them.
 */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * Text from outside (a server's name, an error of a cloud) made safe to print: what a terminal would act on is shown as an escape
 * (`\x1b`, `\u202e`), so that a name can neither move the cursor, nor forge a line, nor hide a part of itself.
 */
export function printable(text: string): string {
  return text.replace(unsafe, escapeOf);
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Like `printable`, for text inside a JSON document: the result parses to the same value. */
export function printableJson(json: string): string {
  return json.replace(unsafe, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
