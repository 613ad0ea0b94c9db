import type { HttpAnswer } from '../http/http-types.ts';
import { redactText } from '../http/redact.ts';
import type { SnapbankError } from '../errors.ts';
import {
  AuthenticationFailed,
  Forbidden,
  OpenStackUnavailable,
  QuotaExceeded,
  RequestRefused,
  TooManyRequests,
  UnexpectedAnswer,
} from './errors.ts';

/** An answer that is not the one hoped for. */
export interface Refusal {
  readonly service: string;
  /** `snapshot server X`: completes "Nova was asked to …". */
  readonly attempt: string;
  readonly status: number;
  /** What the service says, without markup and secrets. */
  readonly text: string;
  readonly requestId: string | null;
  readonly retryAfterMs: number | undefined;
  readonly location: string | undefined;
}

/** `secret` is a text of the request that the service may repeat and that must not be shown. */
export function refusalOf(
  service: string,
  attempt: string,
  answer: HttpAnswer,
  secret?: string,
): Refusal {
  const text = messageOf(answer.text);
  return {
    service,
    attempt,
    status: answer.status,
    text: redactText(secret === undefined ? text : text.replaceAll(secret, '(secret)')),
    requestId: requestIdOf(answer.headers),
    retryAfterMs: retryAfterMs(answer.headers),
    location: answer.headers['location'],
  };
}

export function describe(refusal: Refusal): string {
  const { service, attempt, status, text, requestId } = refusal;
  const id = requestId === null ? '' : ` (${requestId})`;
  return `${service} was asked to ${attempt} and answered ${String(status)}${text === '' ? '' : `: ${text}`}${id}`;
}

/** What a refusal means where nothing special is known about the call. */
export function errorOf(refusal: Refusal): SnapbankError {
  const { status, retryAfterMs } = refusal;
  const message = describe(refusal);
  const passing = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (isQuota(refusal)) return new QuotaExceeded(message);
  if (status === 401) return new AuthenticationFailed(message);
  if (status === 403) return new Forbidden(message);
  if (status === 429) return new TooManyRequests(message, passing);
  if (status >= 500) return new OpenStackUnavailable(message, passing);
  if (status >= 400) return new RequestRefused(message);
  return new UnexpectedAnswer(
    status >= 300 && status < 400
      ? `${message}; it redirects, which is not followed: correct the endpoint in the catalogue or override it.`
      : `${message}, which its API does not know.`,
  );
}

/** Nova reports Glance's full count of images as a 500 that names HTTPOverLimit; Neutron its own quotas as 409 OverQuota. */
function isQuota({ status, text }: Refusal): boolean {
  if (status === 413) return true;
  if (status === 403 || status === 409) {
    return /quota exceeded|over ?quota|exceeds the quota|over a limit|limit exceeded/i.test(text);
  }
  return status === 500 && text.includes('HTTPOverLimit');
}

export function requestIdOf(headers: HttpAnswer['headers']): string | null {
  return headers['x-openstack-request-id'] ?? headers['x-compute-request-id'] ?? null;
}

/** Seconds, or a date, of which the distance from the answer's own Date counts. */
function retryAfterMs(headers: HttpAnswer['headers']): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const wait = Date.parse(value) - Date.parse(headers['date'] ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Nova, Neutron, Cinder and Keystone send `{"<kind>": {"message": …}}`, Glance a page of HTML. */
function messageOf(text: string): string {
  const body = parseJson(text);
  if (typeof body === 'string') return body;
  if (typeof body === 'object' && body !== null) {
    for (const fault of Object.values(body)) {
      if (typeof fault === 'object' && fault !== null && 'message' in fault) {
        const type = 'type' in fault ? `${String(fault.type)}: ` : '';
        return type + String(fault.message);
      }
      if (typeof fault === 'string') return fault;
    }
    return '';
  }
  return text
    .replace(/^[\s\S]*<\/h1>/i, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&#x27;', "'")
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
