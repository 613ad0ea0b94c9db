import { createHash } from 'node:crypto';
import { request } from 'node:http';

export interface Exchange {
  status: number;
  headers: [string, string][];
  /** As the recordings keep it: parsed JSON, text, or what is known of binary data. */
  body: unknown;
  bytes: Buffer;
}

/** One request on a connection of its own, exactly as given. */
export function exchange(
  url: string,
  options: { method: string; headers: [string, string][]; body?: Uint8Array; chunked?: boolean },
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(options.headers);
    if (options.body !== undefined && options.chunked !== true) {
      headers['Content-Length'] = String(options.body.length);
    }
    const sent = request(url, { method: options.method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        const raw = response.rawHeaders;
        const pairs = raw.flatMap((name, index): [string, string][] =>
          index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [],
        );
        resolve({
          status: response.statusCode ?? 0,
          headers: pairs,
          body: bodyOf(bytes, response.headers['content-type']),
          bytes,
        });
      });
    });
    sent.on('error', reject);
    sent.end(options.body);
  });
}

function bodyOf(bytes: Buffer, type: string | undefined): unknown {
  if (bytes.length === 0) return null;
  if (type === 'application/octet-stream') {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { $binary: { bytes: bytes.length, sha256 } };
  }
  const text = bytes.toString('utf8');
  return type?.startsWith('application/json') === true ? JSON.parse(text) : text;
}
