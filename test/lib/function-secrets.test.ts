import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatSecretKey, newSecretKey } from '../../lib/bank/keys/key-text.ts';
import { functionBankCredentials } from '../../lib/function-bank-credentials.ts';
import { functionCloudConfig } from '../../lib/function-cloud-config.ts';

const CLOUD = JSON.stringify({
  auth_type: 'v3applicationcredential',
  auth: {
    auth_url: 'https://keystone.example.org/v3',
    application_credential_id: 'app',
    application_credential_secret: 'hush',
  },
  region_name: 'RegionOne',
});

describe('the secrets of a function', () => {
  /** Answers as the AWS Parameters and Secrets Lambda Extension does. */
  let extension: Server;
  let secrets: Map<string, string>;
  let requests: IncomingMessage[];
  let env: Record<string, string>;

  beforeEach(async () => {
    secrets = new Map();
    requests = [];
    extension = createServer((request, response) => {
      requests.push(request);
      const id = new URL(request.url ?? '', 'http://localhost').searchParams.get('secretId') ?? '';
      const secret = secrets.get(id);
      response.writeHead(secret === undefined ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(secret === undefined ? {} : { SecretString: secret }));
    });
    await new Promise<void>((resolve) => extension.listen(0, 'localhost', resolve));
    env = {
      PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String((extension.address() as AddressInfo).port),
      AWS_SESSION_TOKEN: 'session-token',
      SNAPBANK_CLOUD_SECRET: 'snapbank/cloud',
      SNAPBANK_KEY_SECRET: 'snapbank/key',
    };
  });
  afterEach(async () => {
    await new Promise((resolve) => extension.close(resolve));
  });

  it('give the cloud that its entry describes, asked for with the session token', async () => {
    secrets.set('snapbank/cloud', CLOUD);

    const config = await functionCloudConfig(env);

    expect(config).toMatchObject({ authUrl: 'https://keystone.example.org/v3' });
    expect(requests[0]?.headers['x-aws-parameters-secrets-token']).toBe('session-token');
  });

  it('give the key of the bank from the text of its key file', async () => {
    const key = newSecretKey();
    secrets.set('snapbank/key', `# a comment\n${formatSecretKey(key)}\n`);

    const credentials = await functionBankCredentials(env);

    expect(credentials.key?.publicText).toBe(key.publicText);
  });

  it('are not asked for where the bank is unsealed', async () => {
    expect(await functionBankCredentials({ ...env, SNAPBANK_KEY_SECRET: '' })).toEqual({});
    expect(requests).toEqual([]);
  });

  it('are SecretUnavailable where they do not exist or nobody answers, without the session token', async () => {
    const silent = { ...env, PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: '1' };

    for (const environment of [env, silent]) {
      const error = await functionBankCredentials(environment).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'SecretUnavailable' });
      expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain('session-token');
    }
  });

  it('never stand in the error for a text that is no key', async () => {
    secrets.set('snapbank/key', 'SNAPBANK-SECRET-KEY-1hush-hush');

    await expect(functionBankCredentials(env)).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.not.stringContaining('hush-hush'),
    });
  });
});
