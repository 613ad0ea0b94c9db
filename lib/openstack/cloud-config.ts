import { InvalidInput } from '../errors.ts';
import type { TlsOptions } from '../http/http-types.ts';
import { proxyFromEnvironment } from '../http/proxy.ts';
import type { ProxySettings } from '../http/proxy.ts';
import { silentLog } from '../log.ts';
import type { Log } from '../log.ts';
import { cloudFromEntry } from './cloud-entry.ts';
import { findCloudFiles } from './cloud-files.ts';
import type { CloudEntry } from './cloud-files.ts';

/** Where a cloud is and who one is there. Holds secrets: never logged, never in an execution's input or output. */
export interface CloudConfig {
  /** For people: name of the entry in clouds.yaml, or `envvars`. */
  readonly name: string;
  /** Of Keystone, ending in /v3. */
  readonly authUrl: string;
  readonly credentials: Credentials;
  /** Needed where the catalogue has several regions. */
  readonly region?: string;
  readonly interface: EndpointInterface;
  /** In place of the catalogue's endpoints. */
  readonly endpointOverrides: Readonly<Partial<Record<ServiceType, string>>>;
  readonly tls: TlsOptions;
  readonly proxy?: ProxySettings;
}

export type EndpointInterface = 'public' | 'internal' | 'admin';
export type ServiceType = 'compute' | 'image' | 'network' | 'block-storage';

/** The objects have Keystone's own shape. */
export type Credentials =
  | { method: 'application_credential'; id: string; secret: string }
  | { method: 'application_credential'; name: string; user: Named; secret: string }
  | { method: 'password'; user: Named; password: string; project: Named };

/** A user or a project. */
export type Named = { id: string } | { name: string; domain: Domain };
export type Domain = { id: string } | { name: string };

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadCloudConfigOptions {
  env: Environment;
  /** Absolute paths of the working and the home directory. */
  cwd: string;
  home: string;
  /** Of clouds.yaml; default OS_CLOUD. */
  cloudName?: string;
  log?: Log;
  /** Default /etc/openstack. */
  systemDirectory?: string;
}

/** The name of the cloud that the OS_* variables describe, unless OS_CLOUD_NAME says otherwise. */
const ENVIRONMENT_CLOUD = 'envvars';

/** Any of these makes the environment a cloud of its own; the others (OS_REGION_NAME, …) only adjust one. */
const CREDENTIAL_VARIABLES = [
  'OS_AUTH_URL',
  'OS_USERNAME',
  'OS_USER_ID',
  'OS_PASSWORD',
  'OS_TOKEN',
  'OS_APPLICATION_CREDENTIAL_ID',
  'OS_APPLICATION_CREDENTIAL_NAME',
  'OS_APPLICATION_CREDENTIAL_SECRET',
];

/**
 * Reads clouds.yaml, secure.yaml and the OS_* variables by the rules of openstackclient (openstacksdk, config/loader.py): OS_CLOUD
 * names an entry; without it the variables count if they hold credentials, else the only entry of the file. For an entry of the file
 * OS_REGION_NAME, OS_INTERFACE, OS_CACERT, OS_CERT, OS_KEY and OS_INSECURE count more than what it says; its credentials are its own.
 * Throws `InvalidInput` that names what is missing.
 */
export async function loadCloudConfig(options: LoadCloudConfigOptions): Promise<CloudConfig> {
  const { env, cwd, home, log = silentLog, systemDirectory = '/etc/openstack' } = options;
  const files = await findCloudFiles({ env, cwd, home, systemDirectory, log });
  const environmentCloud = setting(env, 'OS_CLOUD_NAME') ?? ENVIRONMENT_CLOUD;
  const hasVariables = CREDENTIAL_VARIABLES.some((name) => setting(env, name) !== undefined);
  const names = Object.keys(files.clouds);
  const chosen =
    options.cloudName ??
    setting(env, 'OS_CLOUD') ??
    (hasVariables ? environmentCloud : names.length === 1 ? names[0] : undefined);
  if (chosen === undefined) throw new InvalidInput(nothingChosen(names, files.searched));
  const context = { directory: cwd, home, proxy: proxyFromEnvironment(env), log };
  if (chosen === environmentCloud && hasVariables) {
    return cloudFromEntry(entryFromEnvironment(env), {
      ...context,
      source: 'environment',
      name: chosen,
    });
  }
  const entry = files.clouds[chosen];
  if (entry === undefined) {
    throw new InvalidInput(
      `There is no cloud "${chosen}" in clouds.yaml. ${found(names)} Looked in ${files.searched.join(', ')}.`,
    );
  }
  await files.warnOfReadableSecrets(chosen);
  const adjusted = { ...entry, ...adjustments(env) };
  return cloudFromEntry(adjusted, { ...context, source: 'file', name: chosen });
}

/**
 * A cloud from a secret that holds one entry of clouds.yaml as JSON: `{"auth": {"auth_url": …, "application_credential_id": …,
 * "application_credential_secret": …}, "region_name": …}`. `cacert`, `cert` and `key` may be PEM texts. Throws `InvalidInput` that
 * repeats nothing of the secret.
 */
export async function cloudConfigFromSecret(
  secret: string,
  options: { env?: Environment; log?: Log } = {},
): Promise<CloudConfig> {
  let entry: unknown;
  try {
    entry = JSON.parse(secret);
  } catch {
    throw new InvalidInput("The secret with the cloud's credentials is not JSON.");
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new InvalidInput("The secret with the cloud's credentials is not a JSON object.");
  }
  return cloudFromEntry(entry as CloudEntry, {
    source: 'secret',
    name: 'secret',
    directory: '/',
    home: '/',
    proxy: proxyFromEnvironment(options.env ?? {}),
    log: options.log ?? silentLog,
  });
}

/** Names a cloud in checkpoints: host and path of the authentication URL without its version, whatever user or region. */
export function cloudIdentity(config: Pick<CloudConfig, 'authUrl'>): string {
  const { host, pathname } = new URL(config.authUrl);
  return `${host}${pathname.replace(/\/v3$/, '')}`;
}

function entryFromEnvironment(env: Environment): CloudEntry {
  const entry: CloudEntry = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('OS_') && value !== undefined && value !== '') {
      entry[name.slice(3).toLowerCase()] = value;
    }
  }
  return entry;
}

function adjustments(env: Environment): CloudEntry {
  const entry: CloudEntry = {};
  for (const key of ['region_name', 'interface', 'cacert', 'cert', 'key', 'insecure']) {
    const value = setting(env, `OS_${key.toUpperCase()}`);
    if (value !== undefined) entry[key] = value;
  }
  return entry;
}

function nothingChosen(names: readonly string[], searched: readonly string[]): string {
  return names.length > 1
    ? `clouds.yaml has several clouds: set OS_CLOUD to one of ${names.join(', ')}.`
    : `No OpenStack cloud is configured. Set OS_CLOUD to an entry of clouds.yaml (looked in ${searched.join(', ')}), or set OS_AUTH_URL, OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET.`;
}

function found(names: readonly string[]): string {
  return names.length === 0 ? 'No file has any.' : `It has ${names.join(', ')}.`;
}

function setting(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}
