import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { InvalidInput } from '../errors.ts';
import { SignatureRefused, WebhookUnreadable } from './errors.ts';
import { requestedBackup, type Start, type StartRules } from './start-request.ts';

/** The part of what a Lambda function URL gives that is used (Lambda Developer Guide, "Invoking Lambda function URLs"). */
export const FunctionUrlRequest = z.object({
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  /** Their names are in lower case. */
  headers: z.record(z.string(), z.string()),
  body: z.string().optional(),
  isBase64Encoded: z.boolean(),
});
export type FunctionUrlRequest = z.infer<typeof FunctionUrlRequest>;

const TIMESTAMP_HEADER = 'x-snapbank-timestamp';
const SIGNATURE_HEADER = 'x-snapbank-signature';
const SIGNATURE_VERSION = 'v1=';
/** Nobody who hears a request can send it again later than this. Until then its execution has a name, and is there. */
const WINDOW_SECONDS = 300;
const MAX_BODY_BYTES = 16 * 1024;
/** Random ones have 32 bytes; a word that somebody chose is no secret. */
const LEAST_SECRET_BYTES = 16;

export interface WebhookRules extends Pick<StartRules, 'plans'> {
  readonly secret: string;
  readonly nowMilliseconds: number;
}

/** Names the execution: the sender's own id of what it asks for, so that a sender who signs anew starts nothing twice. */
const Identified = z.object({ id: z.string().regex(/^[\w-]{1,64}$/) });

/**
 * What a signed request starts. The signature is looked at before anything of the body is. Throws `WebhookUnreadable`,
 * `SignatureRefused` (neither repeats what was sent), and `InvalidInput` that shows a right body.
 */
export function startOfWebhook(request: FunctionUrlRequest, rules: WebhookRules): Start {
  const { method } = request.requestContext.http;
  if (method !== 'POST') throw new WebhookUnreadable(`The webhook takes POST, not ${method}.`);
  const encoding = request.isBase64Encoded ? 'base64' : 'utf8';
  const body = Buffer.from(request.body ?? '', encoding);
  if (body.length > MAX_BODY_BYTES) {
    throw new WebhookUnreadable(
      `The body has ${body.length} bytes; at most ${MAX_BODY_BYTES} are read.`,
    );
  }
  requireSignature(request, body, rules);
  const detail = parsed(body);
  const identified = Identified.safeParse(detail);
  if (!identified.success) {
    const signed = `${request.headers[TIMESTAMP_HEADER]}.`;
    const digest = createHash('sha256').update(signed).update(body).digest('hex');
    return { name: `webhook-${digest.slice(0, 32)}`, input: requestedBackup(detail, rules) };
  }
  const { id, ...rest } = detail as { id: string };
  return { name: `webhook-${id}`, input: requestedBackup(rest, rules) };
}

function requireSignature(
  { headers }: FunctionUrlRequest,
  body: Buffer,
  { secret, nowMilliseconds }: WebhookRules,
): void {
  if (Buffer.byteLength(secret) < LEAST_SECRET_BYTES) {
    throw new SignatureRefused(
      'The secret of the webhook is shorter than 16 bytes: make one at random.',
    );
  }
  const { [TIMESTAMP_HEADER]: timestamp = '', [SIGNATURE_HEADER]: given = '' } = headers;
  if (!/^\d{1,11}$/.test(timestamp) || !given.startsWith(SIGNATURE_VERSION)) {
    throw new SignatureRefused(
      `The request needs ${TIMESTAMP_HEADER} (seconds since 1970) and ${SIGNATURE_HEADER} (v1= and 64 hex digits).`,
    );
  }
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest();
  const signature = Buffer.from(given.slice(SIGNATURE_VERSION.length), 'hex');
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    throw new SignatureRefused('The signature is not that of this timestamp and body.');
  }
  const apartSeconds = Math.abs(nowMilliseconds / 1000 - Number(timestamp));
  if (apartSeconds > WINDOW_SECONDS) {
    throw new SignatureRefused(
      `The request was signed ${Math.round(apartSeconds)} s away from now; ${WINDOW_SECONDS} s are the most.`,
    );
  }
}

function parsed(body: Buffer): unknown {
  let detail: unknown;
  try {
    detail = JSON.parse(body.toString('utf8'));
  } catch {
    throw new WebhookUnreadable('The body is not JSON.');
  }
  if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) return detail;
  throw new InvalidInput('The body is no JSON object such as {"servers": ["web-1"]}.');
}
