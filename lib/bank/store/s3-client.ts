import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { InvalidInput } from '../../errors.ts';
import { sendContentMd5 } from './s3-content-md5.ts';

/** A connection that takes longer to open is given up. */
const CONNECT_MILLISECONDS = 10_000;
/** A connection on which nothing moves for this long, in either direction, is given up. */
const IDLE_MILLISECONDS = 60_000;

export interface S3ClientOptions {
  /** URL of an S3 server other than AWS; else AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL. */
  endpoint?: string | undefined;
  /** Address buckets as `endpoint/bucket`, not `bucket.endpoint`. Default: on for an endpoint of one's own, off for AWS. */
  forcePathStyle?: boolean | undefined;
  /** Default: the SDK's chain (AWS_REGION, profile); `us-east-1` for an endpoint of one's own, where most servers ignore it. */
  region?: string | undefined;
  /** Default: the SDK's chain (AWS_* variables, profile, container or instance role). */
  credentials?: S3ClientConfig['credentials'];
  /** Most connections at once; further requests wait. */
  connections?: number;
  /** Where AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL are looked up. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** A client for `s3Store`. It never repeats a request by itself: the store does, and knows which ones may be. */
export function s3Client(options: S3ClientOptions = {}): S3Client {
  const { env = process.env, connections = 64 } = options;
  const endpoint = checkedEndpoint(
    options.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'],
  );
  const agent = { keepAlive: true, maxSockets: connections };
  const client = new S3Client({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MILLISECONDS,
      socketTimeout: IDLE_MILLISECONDS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    },
    // The SDK would open a connection of its own for every body that it announces.
    expectContinueHeader: false,
    // What is read is checked against its digest or its chunk id, and a presigned URL is signed without the SDK's extra header.
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(options.credentials !== undefined && { credentials: options.credentials }),
    ...(options.region !== undefined && { region: options.region }),
    ...(endpoint !== undefined && ownEndpoint(endpoint, options, env)),
  });
  return endpoint === undefined ? client : sendContentMd5(client);
}

/** What differs on servers other than AWS. */
function ownEndpoint(
  endpoint: string,
  { forcePathStyle = true, region }: S3ClientOptions,
  env: Readonly<Record<string, string | undefined>>,
): S3ClientConfig {
  return {
    endpoint,
    forcePathStyle,
    ...(region === undefined && { region: regionOr('us-east-1') }),
    // Many do not understand the checksums that the SDK adds by default (aws-sdk-js-v3 issue 6810). A signed body is checked anyway.
    ...(env['AWS_REQUEST_CHECKSUM_CALCULATION'] === undefined && {
      requestChecksumCalculation: 'WHEN_REQUIRED' as const,
    }),
  };
}

function regionOr(otherwise: string): () => Promise<string> {
  const chain = new S3Client({});
  return () => chain.config.region().catch(() => otherwise);
}

function checkedEndpoint(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || endpoint === '') return undefined;
  const url = URL.parse(endpoint);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidInput('The S3 endpoint must be a URL such as https://s3.example.org.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidInput(
      'The S3 endpoint must not hold credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    );
  }
  return endpoint;
}
