import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../lib/errors.ts';
import type { Log } from '../../../lib/log.ts';
import {
  cloudConfigFromSecret,
  cloudIdentity,
  loadCloudConfig,
} from '../../../lib/openstack/cloud-config.ts';

let root: string;
const warnings: { message: string; fields: unknown }[] = [];
const log: Log = {
  debug() {},
  info() {},
  warn(message, fields) {
    warnings.push({ message, fields });
  },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snapbank-clouds-'));
  warnings.length = 0;
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

/** Writes a file below the test's directory; clouds.yaml of the user is at home/.config/openstack. */
async function file(path: string, text: string, mode = 0o600): Promise<string> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  await chmod(full, mode);
  return full;
}

async function load(env: Record<string, string | undefined> = {}, cloudName?: string) {
  return loadCloudConfig({
    env,
    cwd: join(root, 'cwd'),
    home: join(root, 'home'),
    systemDirectory: join(root, 'etc'),
    log,
    ...(cloudName === undefined ? {} : { cloudName }),
  });
}

const variables = {
  OS_AUTH_URL: 'https://keystone.example.org/identity/v3',
  OS_APPLICATION_CREDENTIAL_ID: 'the-id',
  OS_APPLICATION_CREDENTIAL_SECRET: 'the-secret',
};

const twoClouds = `
clouds:
  prod:
    auth_type: v3applicationcredential
    auth:
      auth_url: https://prod.example.org:5000
      application_credential_id: 0123e4
      application_credential_secret: s1
    region_name: north
    interface: internal
    verify: false
  dev:
    auth: {auth-url: "http://dev.example.org/v3/", username: me, password: word, project_name: ours}
`;

function oneCloud(name: string): string {
  return twoClouds.replace(/ {2}dev:[\s\S]*/, '').replace('prod:', `${name}:`);
}

describe('from the environment', () => {
  it('reads an application credential', async () => {
    expect(
      await load({
        ...variables,
        OS_REGION_NAME: 'north',
        OS_INTERFACE: 'internalURL',
        OS_EMPTY: '',
      }),
    ).toEqual({
      name: 'envvars',
      authUrl: 'https://keystone.example.org/identity/v3',
      credentials: { method: 'application_credential', id: 'the-id', secret: 'the-secret' },
      region: 'north',
      interface: 'internal',
      endpointOverrides: {},
      tls: {},
    });
  });

  it('reads an application credential by name, with its user', async () => {
    const config = await load({
      OS_AUTH_URL: 'http://x',
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_APPLICATION_CREDENTIAL_NAME: 'backup',
      OS_APPLICATION_CREDENTIAL_SECRET: 's',
      OS_USERNAME: 'me',
      OS_USER_DOMAIN_NAME: 'Company',
    });

    expect(config.credentials).toEqual({
      method: 'application_credential',
      name: 'backup',
      user: { name: 'me', domain: { name: 'Company' } },
      secret: 's',
    });
  });

  it.each([
    [
      { OS_PROJECT_NAME: 'ours', OS_DEFAULT_DOMAIN: 'd1' },
      { name: 'me', domain: { id: 'd1' } },
      { name: 'ours', domain: { id: 'd1' } },
    ],
    [
      { OS_TENANT_NAME: 'ours' },
      { name: 'me', domain: { id: 'default' } },
      { name: 'ours', domain: { id: 'default' } },
    ],
    [{ OS_PROJECT_ID: 'p', OS_USER_ID: 'u' }, { id: 'u' }, { id: 'p' }],
    [
      { OS_PROJECT_NAME: 'ours', OS_DOMAIN_NAME: 'Both', OS_PROJECT_DOMAIN_ID: 'd2' },
      { name: 'me', domain: { name: 'Both' } },
      { name: 'ours', domain: { id: 'd2' } },
    ],
  ])('reads a password with %j', async (more, user, project) => {
    const config = await load({
      OS_AUTH_URL: 'http://x',
      OS_USERNAME: 'me',
      OS_PASSWORD: 'w',
      ...more,
    });

    expect(config.credentials).toEqual({ method: 'password', user, password: 'w', project });
  });

  it('reads certificates, and warns when they are not checked', async () => {
    const ca = await file('home/ca.pem', 'the authority');

    const config = await load({ ...variables, OS_CACERT: '~/ca.pem', OS_INSECURE: 'True' });

    expect(config.tls).toEqual({ ca: 'the authority', verify: false });
    expect(warnings).toMatchObject([{ message: expect.stringContaining('not checked') as string }]);
    await rm(ca);
    await expect(load({ ...variables, OS_CACERT: ca })).rejects.toThrow(
      `OS_CACERT names the file ${ca}, which cannot be read.`,
    );
  });

  it('reads endpoints to override and proxies', async () => {
    const config = await load({
      ...variables,
      OS_IMAGE_ENDPOINT_OVERRIDE: 'http://glance:9292',
      OS_VOLUME_ENDPOINT_OVERRIDE: 'http://cinder/v3',
      https_proxy: 'http://proxy:3128',
      NO_PROXY: 'internal',
    });

    expect(config.endpointOverrides).toEqual({
      image: 'http://glance:9292',
      'block-storage': 'http://cinder/v3',
    });
    expect(config.proxy).toEqual({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'internal' });
  });

  it.each([
    [{}, /No OpenStack cloud is configured\. Set OS_CLOUD .* or set OS_AUTH_URL, OS_APPLICATION_/],
    [{ OS_AUTH_URL: 'http://x' }, /OS_APPLICATION_CREDENTIAL_ID \(with .*OS_USERNAME.* is not set/],
    [{ ...variables, OS_AUTH_URL: undefined }, /^OS_AUTH_URL is not set\.$/],
    [
      { ...variables, OS_APPLICATION_CREDENTIAL_SECRET: '' },
      /^OS_APPLICATION_CREDENTIAL_SECRET is/,
    ],
    [
      { OS_AUTH_URL: 'http://x', OS_USERNAME: 'me', OS_PASSWORD: 'w' },
      /^OS_PROJECT_ID or OS_PROJECT_NAME \(a password needs a project\) is not set/,
    ],
    [{ OS_AUTH_URL: 'http://x', OS_USERNAME: 'me', OS_PROJECT_ID: 'p' }, /^OS_PASSWORD is not set/],
    [
      { ...variables, OS_AUTH_URL: 'me:word@keystone:5000?token=t' },
      /OS_AUTH_URL is "keystone:5000"; it must be a URL such as/,
    ],
    [
      { ...variables, OS_AUTH_TYPE: 'v3oidcpassword' },
      /OS_AUTH_TYPE is "v3oidcpassword"; snapbank/,
    ],
    [{ ...variables, OS_INTERFACE: 'outside' }, /OS_INTERFACE is "outside"/],
    [{ ...variables, OS_COMPUTE_ENDPOINT_OVERRIDE: 'x' }, /OS_COMPUTE_ENDPOINT_OVERRIDE is not/],
    [
      { OS_CLIENT_CONFIG_FILE: 'gone.yaml' },
      /OS_CLIENT_CONFIG_FILE names .*gone\.yaml, which is not/,
    ],
  ])('names what is wrong with %j', async (env, words) => {
    const loading = load(env);

    await expect(loading).rejects.toThrow(InvalidInput);
    await expect(loading).rejects.toThrow(words);
  });
});

describe('from clouds.yaml', () => {
  it('reads the entry that OS_CLOUD or the caller names, ids as texts', async () => {
    await file('home/.config/openstack/clouds.yaml', twoClouds);

    expect(await load({ OS_CLOUD: 'prod' })).toMatchObject({
      name: 'prod',
      authUrl: 'https://prod.example.org:5000/v3',
      credentials: { id: '0123e4', secret: 's1' },
      region: 'north',
      interface: 'internal',
      tls: { verify: false },
    });
    expect(await load({ OS_CLOUD: 'prod' }, 'dev')).toMatchObject({
      name: 'dev',
      authUrl: 'http://dev.example.org/v3',
      credentials: { method: 'password', password: 'word', project: { name: 'ours' } },
    });
  });

  it('lets variables adjust the region and the like, and never the credentials', async () => {
    await file('cwd/clouds.yaml', twoClouds);

    const config = await load({ ...variables, OS_CLOUD: 'prod', OS_REGION_NAME: 'south' });

    expect(config).toMatchObject({ region: 'south', credentials: { id: '0123e4' } });
  });

  it('takes the variables where no cloud is named, else the only cloud there is', async () => {
    await file('cwd/clouds.yaml', twoClouds);
    expect((await load(variables)).name).toBe('envvars');
    await expect(load()).rejects.toThrow('set OS_CLOUD to one of prod, dev');

    await file('cwd/clouds.yaml', oneCloud('prod'));
    expect((await load({ OS_REGION_NAME: 'south' })).name).toBe('prod');
  });

  it('searches here, then at home, then in the system, in three formats', async () => {
    await file('etc/clouds.yaml', oneCloud('system'));
    expect((await load()).name).toBe('system');
    await file('home/.config/openstack/clouds.yml', oneCloud('home'));
    expect((await load()).name).toBe('home');
    await file('xdg/openstack/clouds.yaml', oneCloud('xdg'));
    expect((await load({ XDG_CONFIG_HOME: join(root, 'xdg') })).name).toBe('xdg');
    const entry = {
      auth: {
        auth_url: 'http://x',
        application_credential_id: 'i',
        application_credential_secret: 's',
      },
    };
    await file('cwd/clouds.json', JSON.stringify({ clouds: { here: entry } }));
    expect((await load()).name).toBe('here');
    const named = await file('elsewhere.yaml', oneCloud('named'));
    expect((await load({ OS_CLIENT_CONFIG_FILE: named })).name).toBe('named');
  });

  it('lays secure.yaml over it', async () => {
    await file('cwd/clouds.yaml', twoClouds.replace('application_credential_secret: s1', ''));
    await file(
      'etc/secure.yaml',
      'clouds: {prod: {auth: {application_credential_secret: from-secure}}}',
    );

    expect((await load({ OS_CLOUD: 'prod' })).credentials).toMatchObject({
      id: '0123e4',
      secret: 'from-secure',
    });
  });

  it('takes the first of several regions, or the one that is named', async () => {
    const regions = `
clouds:
  prod:
    auth: {auth_url: http://x, application_credential_id: i, application_credential_secret: s}
    regions: [{name: north, values: {interface: admin}}, south]
`;
    await file('cwd/clouds.yaml', regions);

    expect(await load()).toMatchObject({ region: 'north', interface: 'admin' });
    expect(await load({ OS_REGION_NAME: 'south' })).toMatchObject({
      region: 'south',
      interface: 'public',
    });
    await expect(load({ OS_REGION_NAME: 'west' })).rejects.toThrow('it has north, south');
  });

  it('warns of a secret that everybody can read, and only of that', async () => {
    const path = await file('cwd/clouds.yaml', twoClouds, 0o644);
    await load({ OS_CLOUD: 'dev' });
    expect(warnings).toMatchObject([{ fields: { path } }]);

    warnings.length = 0;
    await file('cwd/clouds.yaml', twoClouds.replace('password: word, ', ''), 0o644);
    await file('cwd/secure.yaml', 'clouds: {dev: {auth: {password: w}}}', 0o600);
    await load({ OS_CLOUD: 'dev' });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['no such cloud', twoClouds, 'gone', /no cloud "gone" in clouds\.yaml\. It has prod, dev\./],
    [
      'no auth_url',
      'clouds: {a: {auth: {}}}',
      'a',
      /The cloud "a" of clouds\.yaml has no auth_url/,
    ],
    ['a vendor profile', 'clouds: {a: {profile: vexxhost}}', 'a', /vendor profile "vexxhost"/],
    [
      'broken YAML',
      'clouds:\n  a:\n   password: [hidden\n',
      'a',
      /clouds\.yaml is not valid YAML at line/,
    ],
  ])('names what is wrong: %s', async (_, text, name, words) => {
    await file('cwd/clouds.yaml', text);

    const error: unknown = await load({ OS_CLOUD: name }).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(InvalidInput);
    expect(String(error)).toMatch(words);
    expect(String(error)).not.toContain('hidden');
  });
});

describe('from a secret', () => {
  const entry = {
    auth: {
      auth_url: 'https://x/v3',
      application_credential_id: 'i',
      application_credential_secret: 's',
    },
    region_name: 'north',
    cacert: '-----BEGIN CERTIFICATE-----\nabc',
  };

  it('reads an entry of clouds.yaml as JSON, certificates in it', async () => {
    const secret = JSON.stringify(entry);

    expect(await cloudConfigFromSecret(secret, { env: { HTTPS_PROXY: 'http://p:1' } })).toEqual({
      name: 'secret',
      authUrl: 'https://x/v3',
      credentials: { method: 'application_credential', id: 'i', secret: 's' },
      region: 'north',
      interface: 'public',
      endpointOverrides: {},
      tls: { ca: entry.cacert },
      proxy: { HTTPS_PROXY: 'http://p:1' },
    });
  });

  it.each([
    ['{"hidden"', 'is not JSON'],
    ['["hidden"]', 'is not a JSON object'],
    [
      '{"auth": {"auth_url": "https://x", "application_credential_id": "hidden"}}',
      'has no application_credential_secret',
    ],
  ])('says what is wrong with %s without repeating it', async (secret, words) => {
    const error: unknown = await cloudConfigFromSecret(secret).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(InvalidInput);
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('hidden');
    expect((error as Error).cause).toBeUndefined();
  });
});

describe('the identity of a cloud', () => {
  it.each([
    ['https://Keystone.Example.org:443/v3', 'keystone.example.org'],
    ['https://keystone.example.org/identity', 'keystone.example.org/identity'],
    ['http://127.0.0.1:5000/v2.0/', '127.0.0.1:5000'],
    ['http://127.0.0.1:5000//v3//', '127.0.0.1:5000'],
  ])('%s is %s', async (url, identity) => {
    expect(cloudIdentity(await load({ ...variables, OS_AUTH_URL: url }))).toBe(identity);
  });
});
