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

/** Fetches the URI into a file. Redirects are followed to what can be reached; a body shorter than announced is an error of fetch. */
export async function downloadTo(
  path: string,
  uri: string,
  { allowed, signal }: { allowed: Reachable; signal: AbortSignal },
): Promise<Digest> {
  return writeImageFile(path, await fetchAllowed(uri, { allowed, signal }));
}

async function fetchAllowed(
  uri: string,
  { allowed, signal }: { allowed: Reachable; signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array>> {
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
    const { status, body } = response;
    if (status === 200 && body !== null) return body;
    await body?.cancel();
    throw new Error(`the source answered ${status}`);
  }
  throw new Error(`the source redirects more than ${mostRedirects} times`);
}
