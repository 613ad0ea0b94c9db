const MOST_CHARACTERS = 500;

/** Scheme, host and path of a URL; without user, password, query and fragment, which may be secrets. */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** A text without the users, passwords, query strings and fragments of the URLs in it. */
export function redactUrls(text: string): string {
  return text
    .replaceAll(/(\w+:\/\/)[^\s/?#@"'<>]*@/g, '$1')
    .replaceAll(/(\w+:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/g, '$1?…');
}

/** A foreign text that may go into a message: no query strings or credentials of URLs in it, in one line, of bounded length. */
export function redactText(text: string): string {
  const line = redactUrls(text).replaceAll(/\s+/g, ' ').trim();
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line;
}

/** A cause without what Axios hangs on its errors: the configuration, the request and the response hold tokens and URLs. */
export function strippedCause(error: unknown): Error {
  const code = codeOf(error);
  const message = error instanceof Error ? redactText(error.message) : 'unknown error';
  const stripped = new Error(code === undefined ? message : `${code}: ${message}`);
  delete stripped.stack;
  return stripped;
}

function codeOf(error: unknown): string | undefined {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
