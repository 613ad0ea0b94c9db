import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { S3Client } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '../../clock.ts';
import { InvalidInput } from '../../errors.ts';
import { type Log, silentLog } from '../../log.ts';
import { isKey } from './arguments.ts';
import { directoryStore } from './directory.ts';
import type { ObjectStore } from './object-store.ts';
import { s3Store } from './s3.ts';
import { s3Client } from './s3-client.ts';

export interface StoreOptions {
  /** Where AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL are looked up. Credentials come by the SDK's own chain. */
  env?: Readonly<Record<string, string | undefined>>;
  /** URL of an S3 server other than AWS. */
  s3Endpoint?: string | undefined;
  /** Default: on for a server other than AWS. */
  s3ForcePathStyle?: boolean | undefined;
  s3Region?: string | undefined;
  clock?: Clock;
  /** Told of requests that are sent again. */
  log?: Log;
}

export type StoreLocation =
  | { kind: 's3'; bucket: string; prefix: string }
  | { kind: 'directory'; path: string };

/** One per options, so that the places of a bank share connections and credentials. */
const clients = new WeakMap<StoreOptions, S3Client>();

/** Opens `s3://BUCKET[/PREFIX]`, `file:///PATH`, or a directory. Nothing is asked or made yet. Throws `InvalidInput` on anything else. */
export function openStore(location: string, options: StoreOptions = {}): ObjectStore {
  const place = parseLocation(location);
  const { clock = systemClock, log = silentLog } = options;
  return place.kind === 'directory'
    ? directoryStore(place.path, { clock })
    : s3Store({
        client: clientFor(options),
        bucket: place.bucket,
        prefix: place.prefix,
        clock,
        log,
      });
}

function clientFor(options: StoreOptions): S3Client {
  const client =
    clients.get(options) ??
    s3Client({
      endpoint: options.s3Endpoint,
      forcePathStyle: options.s3ForcePathStyle,
      region: options.s3Region,
      ...(options.env !== undefined && { env: options.env }),
    });
  clients.set(options, client);
  return client;
}

/** Reads a location as people write it. */
export function parseLocation(location: string): StoreLocation {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(location)?.[1]?.toLowerCase();
  if (scheme === 's3') return parseS3(location);
  if (scheme === 'file') return { kind: 'directory', path: pathOf(location) };
  if (scheme !== undefined) {
    throw new InvalidInput(
      `A bank cannot lie at ${scheme}:…; give s3://BUCKET/PREFIX or a directory. (The address of an S3 server is set by AWS_ENDPOINT_URL_S3.)`,
    );
  }
  if (location === '' || location.includes('\0')) {
    throw new InvalidInput('A location is missing: give s3://BUCKET/PREFIX or a directory.');
  }
  if (/^~(\/|$)/.test(location)) {
    throw new InvalidInput(
      `Nothing expands the ~ of ${location} here; give the whole path, such as ${homedir()}/bank.`,
    );
  }
  return { kind: 'directory', path: location };
}

function parseS3(location: string): StoreLocation {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)(?:\/(.*?))?\/*$/is.exec(location) ?? [];
  // Not repeated in the message: what stands before an @ is a secret.
  if (bucket.includes('@')) {
    throw new InvalidInput(
      'A location holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
    );
  }
  // The rules of AWS, and the capitals and underscores of old buckets and other servers.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(bucket)) {
    throw new InvalidInput(`${location} names no bucket; give s3://BUCKET or s3://BUCKET/PREFIX.`);
  }
  if (path !== '' && !isKey(path)) {
    throw new InvalidInput(
      `${location}: a prefix has segments of A-Z a-z 0-9 . _ - joined by "/", none starting with a dot.`,
    );
  }
  return { kind: 's3', bucket, prefix: path };
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new InvalidInput(`${url} is no path of this machine; write file:///PATH.`, {
      cause: error,
    });
  }
}
