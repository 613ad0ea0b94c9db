import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { InvalidInput } from '../lib/errors.ts';
import { SignatureRefused, WebhookUnreadable } from '../lib/events/errors.ts';
import { Plan } from '../lib/events/plan.ts';
import { startOnce } from '../lib/events/start-once.ts';
import { FunctionUrlRequest, startOfWebhook } from '../lib/events/webhook.ts';
import { functionLog } from '../lib/function-log.ts';
import { functionSecret } from '../lib/function-secret.ts';
import type { Log } from '../lib/log.ts';

export interface Webhook {
  readonly client: SFNClient;
  readonly stateMachineArn: string;
  readonly plans: readonly Plan[];
  /** Read for each request: the extension keeps it, and a new one counts soon. */
  readonly secret: () => Promise<string>;
  readonly now: () => number;
  readonly log: Log;
}

export interface WebhookAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * Answers a request to the function URL: 202 with the execution that it started, or had started before. Whoever has not proved that he
 * knows the secret is told nothing but that.
 */
export async function receiveWebhook(webhook: Webhook, event: unknown): Promise<WebhookAnswer> {
  const request = FunctionUrlRequest.safeParse(event);
  if (!request.success) throw new InvalidInput('This is no request to a function URL.');
  const { client, stateMachineArn, plans, log } = webhook;
  try {
    const rules = { plans, secret: await webhook.secret(), nowMilliseconds: webhook.now() };
    const start = startOfWebhook(request.data, rules);
    return answer(202, await startOnce(client, { stateMachineArn, ...start }));
  } catch (error) {
    const statusCode = statusOf(error);
    const { name, message } = error as Error;
    log.warn('A request to the webhook started nothing', { error: name, message, statusCode });
    // What failed on this side is in the log, and no one else's business.
    return answer(statusCode, statusCode < 500 ? { error: name, message } : { error: 'TryAgain' });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof SignatureRefused) return 401;
  if (error instanceof WebhookUnreadable || error instanceof InvalidInput) return 400;
  return 503;
}

function answer(statusCode: number, body: unknown): WebhookAnswer {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  };
}

let webhook: Webhook | undefined;

function webhookFromEnvironment(): Webhook {
  const { env } = process;
  return {
    client: new SFNClient({}),
    stateMachineArn: env['SNAPBANK_BACKUP_MACHINE'] ?? '',
    plans: z.array(Plan).parse(JSON.parse(env['SNAPBANK_PLANS'] ?? '[]')),
    secret: async () => await functionSecret(env, env['SNAPBANK_WEBHOOK_SECRET'] ?? ''),
    now: Date.now,
    log: functionLog(),
  };
}

export async function handler(event: unknown): Promise<WebhookAnswer> {
  webhook ??= webhookFromEnvironment();
  return await receiveWebhook(webhook, event);
}
