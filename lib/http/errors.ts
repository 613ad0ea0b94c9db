import { SnapbankError } from '../errors.ts';
import { redactUrl, strippedCause } from './redact.ts';

/** No usable answer came. Callers turn it into an error of their own service. */
export class ConnectionFailed extends SnapbankError {
  static readonly when =
    'A connection could not be made, was cut, or stood still beyond its time limit.';
  static readonly remedy =
    'Check address, certificate, proxy and firewall on the way to the host that the message names, then try again.';
  override readonly name = 'ConnectionFailed' as const;
  /** False where trying again changes nothing: the certificate is not believed. */
  readonly passing: boolean;

  constructor(message: string, passing: boolean, cause?: Error) {
    super(message, cause === undefined ? {} : { cause });
    this.passing = passing;
  }
}

export function connectionFailed(
  request: { method: string; url: string },
  expired: string | undefined,
  error: unknown,
): ConnectionFailed {
  const what = `${request.method} ${redactUrl(request.url)}`;
  if (expired !== undefined) return new ConnectionFailed(`${what}: ${expired}.`, true);
  const cause = strippedCause(error);
  const certificate = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(cause.message);
  return new ConnectionFailed(`${what}: ${cause.message}.`, !certificate, cause);
}
