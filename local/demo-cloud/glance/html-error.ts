import { STATUS_CODES } from 'node:http';

import type { Answer } from '../http/call.ts';
import type { Refusal } from '../http/refusal.ts';

const reasons: Record<number, string> = {
  413: 'Request Entity Too Large',
  416: 'Request Range Not Satisfiable',
};

/** Glance's errors are pages. */
export function htmlError({ status, message, detail, headers }: Refusal): Answer {
  const reason = reasons[status] ?? STATUS_CODES[status] ?? 'Error';
  const title = `${status} ${reason}`;
  const text =
    status === 415 || status === 405
      ? `  ${escaped(message)}\n<br /><br />\n\n </body>`
      : `  ${escaped(message)}<br /><br />\n${escaped(detail)}\n\n\n </body>`;
  return {
    status,
    reason,
    headers: { ...headers, 'Content-Type': 'text/html; charset=UTF-8' },
    text: `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n${text}\n</html>`,
  };
}

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#x27;');
