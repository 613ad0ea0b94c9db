import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidInput } from '../errors.ts';
import type { TlsOptions } from '../http/http-types.ts';
import type { ProxySettings } from '../http/proxy.ts';
import { redactText } from '../http/redact.ts';
import type { Log } from '../log.ts';
import type {
  CloudConfig,
  Credentials,
  Domain,
  EndpointInterface,
  Named,
  ServiceType,
} from './cloud-config.ts';
import type { CloudEntry } from './cloud-files.ts';

export interface CloudContext {
  /** Where the entry comes from: decides by which names a message calls its keys. */
  source: 'environment' | 'file' | 'secret';
  name: string;
  /** What relative paths are relative to. */
  directory: string;
  home: string;
  proxy: ProxySettings | undefined;
  log: Log;
}

const OVERRIDES: Record<ServiceType, readonly string[]> = {
  compute: ['compute_endpoint_override'],
  image: ['image_endpoint_override'],
  network: ['network_endpoint_override'],
  'block-storage': ['block_storage_endpoint_override', 'volume_endpoint_override'],
};

/** Checks an entry of clouds.yaml, or OS_* variables named like its keys, and makes what the session needs of it. */
export async function cloudFromEntry(raw: CloudEntry, context: CloudContext): Promise<CloudConfig> {
  const entry = new Entry(withRegion(raw, context), context);
  const profile = entry.text('profile', 'cloud');
  if (profile !== undefined && context.source !== 'environment') {
    throw new InvalidInput(
      `The cloud "${context.name}" refers to the vendor profile "${profile}", which is not read here: write the profile's auth_url and region_name into the entry.`,
    );
  }
  const region = entry.text('region_name');
  const config: CloudConfig = {
    name: context.name,
    authUrl: authUrl(entry),
    credentials: credentials(entry),
    interface: endpointInterface(entry),
    endpointOverrides: endpointOverrides(entry),
    tls: await tls(entry, context),
    ...(region === undefined ? {} : { region }),
    ...(context.proxy === undefined ? {} : { proxy: context.proxy }),
  };
  if (config.tls.verify === false) {
    context.log.warn('Certificates are not checked (insecure, verify: false)', {
      cloud: context.name,
    });
  }
  return config;
}

/** Reads values by their names in clouds.yaml: beside `auth` before those within, as openstackclient prefers them. */
class Entry {
  readonly #values: CloudEntry;
  readonly #auth: CloudEntry;
  readonly #context: CloudContext;

  constructor(values: CloudEntry, context: CloudContext) {
    this.#values = values;
    this.#context = context;
    const auth = values['auth'];
    this.#auth = typeof auth === 'object' && auth !== null ? (auth as CloudEntry) : {};
  }

  /** The first of the names that has a value. */
  text(...names: string[]): string | undefined {
    for (const values of [this.#values, this.#auth]) {
      for (const name of names) {
        const value = values[name];
        if (typeof value === 'string' && value !== '') return value;
        if (typeof value === 'number' || typeof value === 'boolean') return String(value);
      }
    }
    return undefined;
  }

  required(...names: [string, ...string[]]): string {
    const value = this.text(...names);
    if (value === undefined) throw this.missing(this.called(names[0]));
    return value;
  }

  missing(what: string): InvalidInput {
    const { source, name } = this.#context;
    if (source === 'environment') return new InvalidInput(`${what} is not set.`);
    const where =
      source === 'file' ? `The cloud "${name}" of clouds.yaml` : 'The secret of the cloud';
    return new InvalidInput(`${where} has no ${what}.`);
  }

  called(name: string): string {
    return this.#context.source === 'environment' ? `OS_${name.toUpperCase()}` : name;
  }
}

/** Of what is no URL, and so cannot be taken apart: without what may be a user, a password or a query. */
function withoutSecrets(text: string): string {
  return redactText(text.replace(/^(\w+:\/\/)?.*@/, '$1').replace(/[?#].*$/s, ''));
}

function authUrl(entry: Entry): string {
  const text = entry.required('auth_url');
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text)) {
    throw new InvalidInput(
      `${entry.called('auth_url')} is "${withoutSecrets(text)}"; it must be a URL such as https://keystone.example.org/v3.`,
    );
  }
  const { origin, pathname } = new URL(text);
  const segments = pathname.split('/').filter((segment) => segment !== '');
  if (/^v(2\.0|3)$/.test(segments.at(-1) ?? '')) segments.pop();
  return [origin, ...segments, 'v3'].join('/');
}

function credentials(entry: Entry): Credentials {
  const type = entry.text('auth_type', 'auth_plugin');
  const hasApplicationCredential =
    entry.text('application_credential_id', 'application_credential_name') !== undefined;
  switch (type?.replace(/^v3/, '')) {
    case 'applicationcredential':
      return applicationCredential(entry);
    case 'password':
    case undefined:
      return type === undefined && hasApplicationCredential
        ? applicationCredential(entry)
        : password(entry);
    default:
      throw new InvalidInput(
        `${entry.called('auth_type')} is "${String(type)}"; snapbank knows v3applicationcredential and v3password.`,
      );
  }
}

function applicationCredential(entry: Entry): Credentials {
  const secret = entry.required('application_credential_secret');
  const id = entry.text('application_credential_id');
  if (id !== undefined) return { method: 'application_credential', id, secret };
  const name = entry.text('application_credential_name');
  if (name === undefined) {
    throw entry.missing(
      `${entry.called('application_credential_id')} (or ${entry.called('application_credential_name')} with a user)`,
    );
  }
  return { method: 'application_credential', name, user: user(entry), secret };
}

function password(entry: Entry): Credentials {
  if (entry.text('username', 'user_name', 'user_id') === undefined) {
    throw entry.missing(
      `${entry.called('application_credential_id')} (with ${entry.called('application_credential_secret')}; or ${entry.called('username')} with ${entry.called('password')})`,
    );
  }
  const projectId = entry.text('project_id', 'tenant_id');
  const projectName = entry.text('project_name', 'tenant_name');
  if (projectId === undefined && projectName === undefined) {
    throw entry.missing(
      `${entry.called('project_id')} or ${entry.called('project_name')} (a password needs a project)`,
    );
  }
  return {
    method: 'password',
    user: user(entry),
    password: entry.required('password'),
    project:
      projectId === undefined
        ? { name: String(projectName), domain: domain(entry, 'project') }
        : { id: projectId },
  };
}

function user(entry: Entry): Named {
  const id = entry.text('user_id');
  if (id !== undefined) return { id };
  return { name: entry.required('username', 'user_name'), domain: domain(entry, 'user') };
}

/** openstackclient takes the domain with id `default` when none is named. */
function domain(entry: Entry, of: 'user' | 'project'): Domain {
  const id = entry.text(`${of}_domain_id`);
  if (id !== undefined) return { id };
  const name = entry.text(`${of}_domain_name`);
  if (name !== undefined) return { name };
  const commonId = entry.text('domain_id');
  if (commonId !== undefined) return { id: commonId };
  const commonName = entry.text('domain_name');
  return commonName === undefined
    ? { id: entry.text('default_domain') ?? 'default' }
    : { name: commonName };
}

function endpointInterface(entry: Entry): EndpointInterface {
  const text = entry.text('interface', 'endpoint_type') ?? 'public';
  const found = (['public', 'internal', 'admin'] as const).find((name) =>
    [name, `${name}URL`].includes(text),
  );
  if (found !== undefined) return found;
  throw new InvalidInput(
    `${entry.called('interface')} is "${text}"; it must be public, internal or admin.`,
  );
}

function endpointOverrides(entry: Entry): CloudConfig['endpointOverrides'] {
  const overrides: Partial<Record<ServiceType, string>> = {};
  for (const [type, names] of Object.entries(OVERRIDES) as [ServiceType, readonly string[]][]) {
    const url = entry.text(...names);
    if (url === undefined) continue;
    if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
      throw new InvalidInput(`${entry.called(String(names[0]))} is not an http(s) URL.`);
    }
    overrides[type] = url;
  }
  return overrides;
}

async function tls(entry: Entry, context: CloudContext): Promise<TlsOptions> {
  const options: TlsOptions = {};
  const insecure = entry.text('insecure');
  const verify = entry.text('verify');
  if (isTrue(insecure) || (insecure === undefined && verify?.toLowerCase() === 'false')) {
    options.verify = false;
  }
  for (const [option, name] of [
    ['ca', 'cacert'],
    ['cert', 'cert'],
    ['key', 'key'],
  ] as const) {
    const value = entry.text(name);
    if (value !== undefined) options[option] = await pem(value, entry.called(name), context);
  }
  return options;
}

async function pem(value: string, called: string, context: CloudContext): Promise<string> {
  if (value.includes('-----BEGIN ')) return value;
  const path = value.startsWith('~/')
    ? join(context.home, value.slice(2))
    : resolve(context.directory, value);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new InvalidInput(`${called} names the file ${path}, which cannot be read.`, { cause });
  }
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

/** `regions` lists regions with settings of their own; the first counts, unless `region_name` names another. */
function withRegion(entry: CloudEntry, context: CloudContext): CloudEntry {
  const { regions, ...rest } = entry;
  const wanted = typeof rest['region_name'] === 'string' ? rest['region_name'] : undefined;
  if (!Array.isArray(regions) || regions.length === 0) {
    // openstackclient once took a list here; its first counts.
    return wanted?.includes(',') === true
      ? { ...rest, region_name: wanted.split(',')[0]?.trim() }
      : rest;
  }
  const known = regions.map((region: unknown) => regionOf(region));
  const region = wanted === undefined ? known[0] : known.find(({ name }) => name === wanted);
  if (region === undefined) {
    throw new InvalidInput(
      `The cloud "${context.name}" has no region "${String(wanted)}"; it has ${known.map(({ name }) => name).join(', ')}.`,
    );
  }
  return { ...rest, ...region.values, region_name: region.name };
}

function regionOf(region: unknown): { name: string; values: CloudEntry } {
  if (typeof region === 'object' && region !== null && 'name' in region) {
    const values = 'values' in region ? region.values : {};
    return {
      name: String(region.name),
      values: typeof values === 'object' && values !== null ? (values as CloudEntry) : {},
    };
  }
  return { name: String(region), values: {} };
}
