import { SFNServiceException } from '@aws-sdk/client-sfn';
import { InvalidInput, SnapbankError } from '../../lib/errors.ts';
import {
  AwsCredentialsRefused,
  AwsPermissionMissing,
  StepFunctionsRefused,
  StepFunctionsUnavailable,
} from './errors.ts';

const THROTTLED = new Set([
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'KmsThrottlingException',
]);

/** Who asks is not known, and why. */
const CREDENTIALS: ReadonlyMap<string, string> = new Map([
  ['CredentialsProviderError', 'none were found'],
  ['TokenProviderError', 'the login of the profile has expired or was never made'],
  ['ExpiredTokenException', 'they have expired'],
  ['ExpiredToken', 'they have expired'],
  ['UnrecognizedClientException', 'the access key or its session token is not known'],
  ['InvalidClientTokenId', 'the access key is not known'],
  ['InvalidSignatureException', 'the secret key is wrong'],
  ['IncompleteSignature', 'the request is not signed as it must be'],
  ['MissingAuthenticationToken', 'none were sent'],
  ['MissingAuthenticationTokenException', 'none were sent'],
]);

const DENIED = new Set(['AccessDeniedException', 'AccessDenied', 'KmsAccessDeniedException']);

/** The code of the answer, such as `ThrottlingException`, or else Node's, such as `ECONNRESET`, or `Timeout`. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnknownError';
  // The SDK calls lost connections TimeoutError too.
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.name === 'AbortError' || error.name === 'TimeoutError' ? 'Timeout' : error.name;
}

/** Whether the same request may succeed later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof SnapbankError) return false;
  const code = codeOf(error);
  if (code === 'Timeout' || THROTTLED.has(code) || isSkewed(error)) return true;
  if (CREDENTIALS.has(code) || DENIED.has(code)) return false;
  const status = statusOf(error);
  // A success that cannot be understood was cut, or came from something in between.
  if (status !== undefined) {
    return status < 300 || status >= 500 || status === 429 || status === 408;
  }
  return 'code' in error;
}

/** The clocks differ: the SDK has learnt by how much from the answer. */
function isSkewed(error: Error): boolean {
  return (
    error.name === 'InvalidSignatureException' && /expired|not yet current/.test(error.message)
  );
}

/** An error of ours for what the SDK threw. The SDK's error is not kept: its fields may hold the request as it was signed. */
export function stepFunctionsError(error: unknown, action: string, region: string): Error {
  if (!(error instanceof Error) || error instanceof SnapbankError) return error as Error;
  const code = codeOf(error);
  const options = { identifiers: { action, region, code } };
  const credentials = CREDENTIALS.get(code);
  if (credentials !== undefined) {
    return new AwsCredentialsRefused(
      `AWS does not accept the credentials: ${credentials} (${code}).`,
      options,
    );
  }
  if (DENIED.has(code)) {
    return new AwsPermissionMissing(`${action} is not allowed in ${region} (${code}).`, options);
  }
  if (isPassing(error)) {
    return new StepFunctionsUnavailable(
      `${action} in ${region} failed again and again, at last with ${code}.`,
      options,
    );
  }
  if (error instanceof SFNServiceException) {
    return code === 'InvalidArn'
      ? new InvalidInput(`Step Functions in ${region} does not know this ARN: ${error.message}`)
      : new StepFunctionsRefused(
          `${action} was refused in ${region}: ${code}: ${error.message}`,
          options,
        );
  }
  return error;
}

/** Whether Step Functions refused with this code. */
export function isRefusal(error: unknown, code: string): boolean {
  return error instanceof StepFunctionsRefused && error.identifiers['code'] === code;
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  return (error.$metadata as { httpStatusCode?: number }).httpStatusCode;
}
