import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

import { type Digest, writeImageFile } from '../disks/image-file.ts';

/** What the operator lets web-download reach; undefined lets it reach all. */
export interface Reachable {
  importHosts: readonly string[] | undefined;
  importPorts: readonly number[] | undefined;
}

const mostRedirects = 5;

export function isReachable(uri: string, { importHosts, importPorts }: Reachable): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, port } = new URL(uri);
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  const usual = protocol === 'http:' ? 80 : 443;
  return (
    (importHosts?.includes(hostname) ?? true) &&
    (importPorts?.includes(port === '' ? usual : Number(port)) ?? true)
  );
}

/** Fetches the URI into a file. Redirects are followed to what can be reached, and a body that is cut short is an error. */
export async function downloadTo(
  path: string,
  uri: string,
  { allowed, signal }: { allowed: Reachable; signal: AbortSignal },
): Promise<Digest> {
  const response = await fetchAllowed(uri, { allowed, signal });
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  const digest = await writeImageFile(path, body);
  const announced = response.headers.get('content-length');
  if (announced !== null && Number(announced) !== digest.sizeBytes) {
    throw new Error(`the source announced ${announced} bytes and sent ${digest.sizeBytes}`);
  }
  return digest;
}

async function fetchAllowed(
  uri: string,
  { allowed, signal }: { allowed: Reachable; signal: AbortSignal },
): Promise<Response> {
  let url = uri;
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    if (!isReachable(url, allowed)) throw new Error('the source redirects to where it may not');
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: { 'Accept-Encoding': 'identity' },
    });
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      url = new URL(location, url).href;
      continue;
    }
    if (response.status === 200 && response.body !== null) return response;
    await response.body?.cancel();
    throw new Error(`the source answered ${response.status}`);
  }
  throw new Error(`the source redirects more than ${mostRedirects} times`);
}
