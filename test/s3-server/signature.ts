import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Fault } from './answer.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

const MAX_SKEW_MILLISECONDS = 15 * 60 * 1000;

/** Checks the request's signature (version 4, in the header or presigned), its date, and that the body is the one signed. */
export function checkSignature(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  credentials: Credentials,
  now: number,
): void {
  const signed = url.searchParams.has('X-Amz-Signature') ? presigned(url) : fromHeader(request);
  const { accessKeyId, scope, headerNames, signature, date, payloadHash, expiresSeconds } = signed;
  if (accessKeyId !== credentials.accessKeyId) throw new S3Fault(403, 'InvalidAccessKeyId');

  const age = now - dateOf(date);
  if (expiresSeconds !== undefined && age > expiresSeconds * 1000) {
    throw new S3Fault(403, 'AccessDenied', 'Request has expired');
  }
  if (expiresSeconds === undefined && Math.abs(age) > MAX_SKEW_MILLISECONDS) {
    throw new S3Fault(403, 'RequestTimeTooSkewed');
  }

  const canonical = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...headerNames.map((name) => `${name}:${headerOf(request, name).trim()}`),
    '',
    headerNames.join(';'),
    payloadHash,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  let key: Buffer | string = `AWS4${credentials.secretAccessKey}`;
  for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  const expected = createHmac('sha256', key).update(toSign).digest('hex');
  if (signature !== expected) throw new S3Fault(403, 'SignatureDoesNotMatch');

  if (/^[0-9a-f]{64}$/.test(payloadHash) && payloadHash !== sha256(body)) {
    throw new S3Fault(400, 'XAmzContentSHA256Mismatch');
  }
}

interface Signed {
  accessKeyId: string;
  scope: string;
  headerNames: string[];
  signature: string;
  date: string;
  payloadHash: string;
  expiresSeconds?: number;
}

function fromHeader(request: IncomingMessage): Signed {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      headerOf(request, 'authorization'),
    );
  if (match === null) throw new S3Fault(403, 'AccessDenied');
  const [, accessKeyId = '', scope = '', names = '', signature = ''] = match;
  return {
    accessKeyId,
    scope,
    headerNames: names.split(';'),
    signature,
    date: headerOf(request, 'x-amz-date'),
    payloadHash: headerOf(request, 'x-amz-content-sha256'),
  };
}

function presigned(url: URL): Signed {
  const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? '';
  const [accessKeyId = '', ...scope] = parameter('Credential').split('/');
  return {
    accessKeyId,
    scope: scope.join('/'),
    headerNames: parameter('SignedHeaders').split(';'),
    signature: parameter('Signature'),
    date: parameter('Date'),
    payloadHash: 'UNSIGNED-PAYLOAD',
    expiresSeconds: Number(parameter('Expires')),
  };
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** `20261123T120000Z` */
function dateOf(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'));
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
