import { createHmac } from 'node:crypto';
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { receiveWebhook } from '../../functions/receive-webhook.ts';
import { silentLog } from '../../lib/log.ts';

const MACHINE = 'arn:aws:states:eu-central-1:123456789012:stateMachine:snapbank-backup';
const SECRET = 'a secret of the webhook, made at random';
const NOW = Date.parse('2026-01-31T02:00:00Z');
const sfn = mockClient(SFNClient);
const logged: string[] = [];
const webhook = {
  client: new SFNClient({}),
  stateMachineArn: MACHINE,
  plans: [{ name: 'nightly', tags: ['gold'] }],
  secret: () => Promise.resolve(SECRET),
  now: () => NOW,
  log: {
    ...silentLog,
    warn: (message: string, fields: unknown) => {
      logged.push(`${message} ${JSON.stringify(fields)}`);
    },
  },
};

interface Sent {
  body?: string;
  method?: string;
  secret?: string;
  timestamp?: number;
  signature?: string;
  base64?: boolean;
}

/** A request as a function URL hands it over, signed as docs/aws.md says. */
function request({ body = '{"servers": ["web-1"]}', ...sent }: Sent = {}) {
  const { method = 'POST', secret = SECRET, timestamp = NOW / 1000, base64 = false } = sent;
  const signature = createHmac('sha256', secret)
    .update(`${String(timestamp)}.${body}`)
    .digest('hex');
  return {
    requestContext: { http: { method } },
    headers: {
      'x-snapbank-timestamp': String(timestamp),
      'x-snapbank-signature': sent.signature ?? `v1=${signature}`,
    },
    body: base64 ? Buffer.from(body).toString('base64') : body,
    isBase64Encoded: base64,
  };
}

function started(): { name: string | undefined; input: unknown }[] {
  return sfn.commandCalls(StartExecutionCommand).map(({ args: [command] }) => ({
    name: command.input.name,
    input: JSON.parse(command.input.input ?? ''),
  }));
}

describe('the webhook', () => {
  beforeEach(() => {
    logged.length = 0;
    sfn.reset();
    sfn.on(StartExecutionCommand).resolves({ executionArn: 'arn:started' });
  });

  it('starts what a signed request asks for', async () => {
    const answer = await receiveWebhook(webhook, request());

    expect(answer.statusCode).toBe(202);
    expect(JSON.parse(answer.body)).toEqual({ execution: 'arn:started', started: true });
    expect(started()).toEqual([
      { name: expect.stringMatching(/^webhook-[0-9a-f]{32}$/), input: { servers: ['web-1'] } },
    ]);
  });

  it('reads a body that the function URL has encoded, and starts a plan', async () => {
    const body = '{"plan": "nightly", "enable_server_snapshot": false}';

    await receiveWebhook(webhook, request({ body, base64: true }));

    expect(started()[0]?.input).toEqual({
      plan: 'nightly',
      tags: ['gold'],
      enable_server_snapshot: false,
    });
  });

  it('gives the same request the same execution, another one another', async () => {
    await receiveWebhook(webhook, request());
    await receiveWebhook(webhook, request());
    await receiveWebhook(webhook, request({ timestamp: NOW / 1000 - 1 }));

    const [first, second, other] = started().map(({ name }) => name);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });

  it('names the execution by the id of the sender, who may sign anew', async () => {
    const body = '{"id": "job-4711", "servers": ["web-1"]}';

    await receiveWebhook(webhook, request({ body }));
    await receiveWebhook(webhook, request({ body, timestamp: NOW / 1000 - 60 }));

    expect(started()).toEqual([
      { name: 'webhook-job-4711', input: { servers: ['web-1'] } },
      { name: 'webhook-job-4711', input: { servers: ['web-1'] } },
    ]);
  });

  it('answers with the execution of a request that comes a second time', async () => {
    const exists = new ExecutionAlreadyExists({ message: 'exists', $metadata: {} });
    sfn.on(StartExecutionCommand).rejects(exists);

    const answer = await receiveWebhook(webhook, request({ body: '{"id": "job-1"}' }));

    expect(answer.statusCode).toBe(202);
    expect(JSON.parse(answer.body)).toEqual({
      execution: MACHINE.replace(':stateMachine:', ':execution:') + ':webhook-job-1',
      started: false,
    });
  });

  it.each([
    ['another secret', { secret: 'the secret of somebody else' }],
    ['a signature of another length', { signature: 'v1=00' }],
    ['a signature that is no hex', { signature: `v1=${'z'.repeat(64)}` }],
    ['no signature', { signature: '' }],
    ['a signature of another version', { signature: `v2=${'0'.repeat(64)}` }],
    ['a time of long ago', { timestamp: NOW / 1000 - 301 }],
    ['a time to come', { timestamp: NOW / 1000 + 301 }],
    ['a time that is none', { timestamp: Number.NaN }],
  ])('refuses %s, before it reads the body', async (_what, sent) => {
    const answer = await receiveWebhook(webhook, request({ body: 'not JSON', ...sent }));

    expect(answer.statusCode).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'SignatureRefused' });
    expect(started()).toEqual([]);
  });

  it('takes a time within five minutes, in either direction', async () => {
    for (const seconds of [-299, 299]) {
      const answer = await receiveWebhook(webhook, request({ timestamp: NOW / 1000 + seconds }));
      expect(answer.statusCode).toBe(202);
    }
  });

  it('refuses a body that was changed, and a timestamp that was', async () => {
    const signed = request();
    const other = { ...signed, body: '{"all": true}' };
    const later = {
      ...signed,
      headers: { ...signed.headers, 'x-snapbank-timestamp': String(NOW / 1000 + 1) },
    };

    expect((await receiveWebhook(webhook, other)).statusCode).toBe(401);
    expect((await receiveWebhook(webhook, later)).statusCode).toBe(401);
    expect(started()).toEqual([]);
  });

  it.each([
    ['a GET', { method: 'GET' }, /POST/],
    ['a body of more than 16 KiB', { body: `"${'x'.repeat(16 * 1024)}"` }, /at most 16384/],
    ['a body that is not JSON', { body: '{"servers": [' }, /not JSON/],
    ['a body that is no object', { body: '[]' }, /no JSON object/],
    ['an unknown plan', { body: '{"plan": "weekly"}' }, /nightly/],
    ['an unknown member', { body: '{"server": "web-1"}' }, /"servers": \["web-1"\]/],
    ['an id that is no name', { body: '{"id": "a/b"}' }, /wrong/],
  ])('refuses %s and says why', async (_what, sent, message) => {
    const answer = await receiveWebhook(webhook, request(sent));

    expect(answer.statusCode).toBe(400);
    expect(JSON.parse(answer.body).message).toMatch(message);
    expect(started()).toEqual([]);
  });

  it('fails closed where the secret is none worth the name', async () => {
    const short = { ...webhook, secret: () => Promise.resolve('short') };

    const answer = await receiveWebhook(short, request({ secret: 'short' }));

    expect(answer.statusCode).toBe(401);
  });

  it('tells a sender to try again when Step Functions fails, and no more than that', async () => {
    sfn.on(StartExecutionCommand).rejects(new Error('throttled: account 123456789012'));

    const answer = await receiveWebhook(webhook, request());

    expect(answer.statusCode).toBe(503);
    expect(answer.body).toBe('{"error":"TryAgain"}');
    expect(logged.join()).toContain('throttled');
    expect(logged.join()).not.toContain(SECRET);
  });
});
