import { SnapbankError } from '../../errors.ts';
import { StoreRefused, StoreUnavailable } from './errors.ts';

/** Answers that pass by themselves, whatever their status. BadDigest and its like: the bytes were damaged on their way. */
const PASSING = new Set([
  'Timeout',
  'SlowDown',
  'RequestTimeout',
  'RequestTimeTooSkewed', // the SDK corrects its clock by the answer's date
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'OperationAborted',
  'ConditionalRequestConflict',
]);

/** Faults after which surely nothing reached the server. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
]);

/** Faults by which an answer ends in its middle, whatever status it began with: what it was to say is not known. */
const CUT = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

const LOG_IN_AGAIN = 'the credentials have expired; log in again';
const NO_CREDENTIALS =
  'no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and log in';
const OTHER_REGION = 'the bucket lies in another region; set AWS_REGION to it';
const UNTRUSTED =
  'its certificate is not trusted; name the issuer in a file by NODE_EXTRA_CA_CERTS';
const HTTP_OR_HTTPS = 'it does not speak this protocol; check http or https in the endpoint';

/** What a repetition would not change, and what to do about it. */
const ADVICE = new Map(
  Object.entries({
    AccessDenied:
      'no permission; allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload, s3:ListMultipartUploadParts and s3:ListBucketMultipartUploads (without s3:ListBucket a missing object is answered so too)',
    InvalidAccessKeyId:
      'the access key is not known there; check AWS_ACCESS_KEY_ID or the profile, and the endpoint',
    SignatureDoesNotMatch: 'the secret key is wrong; check AWS_SECRET_ACCESS_KEY or the profile',
    ExpiredToken: LOG_IN_AGAIN,
    InvalidToken: LOG_IN_AGAIN,
    TokenRefreshRequired: LOG_IN_AGAIN,
    CredentialsProviderError: NO_CREDENTIALS,
    TokenProviderError: NO_CREDENTIALS,
    RegionMissing: 'no region is set; set AWS_REGION',
    NoSuchBucket: 'the bucket does not exist; create it, or correct its name',
    InvalidBucketName: 'this cannot be the name of a bucket',
    PermanentRedirect: OTHER_REGION,
    AuthorizationHeaderMalformed: OTHER_REGION,
    IllegalLocationConstraintException: OTHER_REGION,
    RequestTimeTooSkewed: 'the clock of this machine is wrong; set it',
    QuotaExceeded: 'the quota is used up; free some space or raise it',
    InvalidObjectState: 'the object is archived; restore it from the archive class first',
    NotImplemented: 'this server lacks the operation',
    DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
    SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
    CERT_HAS_EXPIRED: 'its certificate has expired',
    ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name; check the endpoint',
    EPROTO: HTTP_OR_HTTPS,
    HPE_INVALID_CONSTANT: HTTP_OR_HTTPS,
  }),
);

/** S3's code of the error, such as `NoSuchKey`, or else Node's, such as `ECONNREFUSED`, or `Timeout`. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError';
  if (error.message === 'Region is missing') return 'RegionMissing';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'Timeout';
  if ('Code' in error && typeof error.Code === 'string') return error.Code;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.name;
}

/** Whether the same request may succeed later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof SnapbankError) return false;
  const code = codeOf(error);
  if (PASSING.has(code) || CUT.has(code)) return true;
  if (ADVICE.has(code)) return false;
  const status = statusOf(error);
  // A success that cannot be understood was cut, or came from something in between.
  if (status !== undefined)
    return status < 300 || status >= 500 || status === 429 || status === 408;
  return 'code' in error;
}

/** An error that `isPassing` takes for a lost connection. */
export function lostConnection(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

/**
 * What every answer of S3 to the request holds, such as its ETag. One without it is a page of a proxy that says 200, or was cut to
 * nothing: to believe it would be to take a write for done that was not, and a list for empty.
 */
export function fromS3<T>(mark: T | undefined): T {
  if (mark === undefined) throw lostConnection('The answer is a success, but not one of S3');
  return mark;
}

/** Whether a write may have taken effect although it failed. */
export function isUncertain(error: unknown): boolean {
  const status = statusOf(error);
  const refused = status !== undefined && status >= 400 && status < 500;
  return isPassing(error) && !refused && !wasNotSent(error);
}

function wasNotSent(error: unknown): boolean {
  if (NOT_SENT.has(codeOf(error))) return true;
  if (!(error instanceof Error)) return false;
  return (
    ('syscall' in error && error.syscall === 'connect') ||
    error.message.includes('did not establish a connection')
  );
}

/**
 * The store's error for what the SDK threw; errors that are no fault of S3 pass through. The SDK's error itself is not kept: its
 * fields may hold the request as it was signed, with the session's token.
 */
export function s3Error(error: unknown, attempted: string, location: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = codeOf(error);
  const status = statusOf(error);
  const passing = isPassing(error);
  const advice = adviceFor(code);
  if (
    error instanceof SnapbankError ||
    !(passing || advice !== undefined || status !== undefined)
  ) {
    return error;
  }
  const options = { cause: summary(error, code), identifiers: identifiers(error, code, status) };
  if (passing && advice === undefined) {
    return new StoreUnavailable(
      `${attempted} in ${location} failed again and again, at last with ${code}.`,
      options,
    );
  }
  return new StoreRefused(
    `${attempted} was refused by ${location}: ${advice ?? `status ${status}`} (${code}).`,
    options,
  );
}

function adviceFor(code: string): string | undefined {
  return code.startsWith('KMS.') ? 'the key of its encryption cannot be used' : ADVICE.get(code);
}

function statusOf(error: unknown): number | undefined {
  return metadataOf(error)?.httpStatusCode;
}

function identifiers(error: Error, code: string, status: number | undefined) {
  const requestId = metadataOf(error)?.requestId;
  return { code, ...(status !== undefined && { status }), ...(requestId && { requestId }) };
}

function metadataOf(error: unknown): { httpStatusCode?: number; requestId?: string } | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  return error.$metadata as { httpStatusCode?: number; requestId?: string };
}

function summary(error: Error, code: string): Error {
  // What the SDK says when the server said nothing.
  return new Error(error.message === 'UnknownError' ? code : `${code}: ${error.message}`);
}
