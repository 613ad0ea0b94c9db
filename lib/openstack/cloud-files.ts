import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { YAMLParseError, parse } from 'yaml';
import { InvalidInput } from '../errors.ts';
import type { Log } from '../log.ts';

/** An entry under `clouds`: texts, lists and nested entries, as nothing is read as a number or a date. */
export type CloudEntry = Record<string, unknown>;

export interface CloudFiles {
  /** The entries of clouds.yaml with those of secure.yaml laid over them. */
  readonly clouds: Readonly<Record<string, CloudEntry>>;
  readonly searched: readonly string[];
  /** Warns when everybody on this machine can read the secrets of that cloud. */
  warnOfReadableSecrets(cloud: string): Promise<void>;
}

export interface FindCloudFilesOptions {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  home: string;
  systemDirectory: string;
  log: Log;
}

interface CloudFile {
  path: string;
  clouds: Record<string, CloudEntry>;
}

const SUFFIXES = ['.yaml', '.yml', '.json'];

/** Finds the first clouds file and the first secure file on openstackclient's search path. */
export async function findCloudFiles(options: FindCloudFilesOptions): Promise<CloudFiles> {
  const { env, cwd, home, log } = options;
  const searched = [
    ...new Set([
      cwd,
      join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'openstack'),
      join(home, '.config', 'openstack'),
      options.systemDirectory,
    ]),
  ];
  const find = async (stem: string, variable: string): Promise<CloudFile | undefined> => {
    const named = env[variable];
    if (named !== undefined && named !== '') return readNamed(variable, resolve(cwd, named), log);
    for (const directory of searched) {
      for (const suffix of SUFFIXES) {
        const file = await readCloudFile(join(directory, stem + suffix), log);
        if (file !== undefined) return file;
      }
    }
    return undefined;
  };
  const files = [
    await find('clouds', 'OS_CLIENT_CONFIG_FILE'),
    await find('secure', 'OS_CLIENT_SECURE_FILE'),
  ].filter((file) => file !== undefined);
  return {
    clouds: files.reduce<Record<string, CloudEntry>>(
      (clouds, file) => overlay(clouds, file.clouds) as Record<string, CloudEntry>,
      {},
    ),
    searched,
    async warnOfReadableSecrets(cloud) {
      for (const { path, clouds } of files) {
        if (holdsSecret(clouds[cloud]) && (await readableByAll(path))) {
          log.warn('Everybody on this machine can read a secret of the cloud: chmod 600', { path });
        }
      }
    },
  };
}

async function readNamed(variable: string, path: string, log: Log): Promise<CloudFile> {
  const file = await readCloudFile(path, log);
  if (file === undefined) {
    throw new InvalidInput(`${variable} names ${path}, which is not there or cannot be read.`);
  }
  return file;
}

async function readCloudFile(path: string, log: Log): Promise<CloudFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    log.warn('Left out a file of clouds that cannot be read', { path, code });
    return undefined;
  }
  const clouds = record(parseCloudFile(path, text))['clouds'];
  return {
    path,
    clouds: Object.fromEntries(
      Object.entries(record(clouds)).map(([name, entry]) => [name, record(plainKeys(entry))]),
    ),
  };
}

/** Every scalar stays a text: an id like 0123e4 is no number. JSON is YAML. */
function parseCloudFile(path: string, text: string): unknown {
  try {
    return parse(text, { schema: 'failsafe', merge: true, prettyErrors: true });
  } catch (error) {
    // Only the place: the parser's message quotes lines of the file, which may hold a secret.
    const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
    const place = line === undefined ? '' : ` at line ${String(line)}`;
    throw new InvalidInput(`${path} is not valid YAML${place}.`);
  }
}

/** `auth-url` means `auth_url`. */
function plainKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.replaceAll('-', '_'), plainKeys(inner)]),
  );
}

function overlay(below: unknown, above: unknown): unknown {
  if (!isRecord(below) || !isRecord(above)) return above;
  const merged = { ...below };
  for (const [key, value] of Object.entries(above)) merged[key] = overlay(below[key], value);
  return merged;
}

function holdsSecret(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).some(([key, inner]) => /password|secret/.test(key) || holdsSecret(inner))
  );
}

async function readableByAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  return process.platform !== 'win32' && (mode & 0o004) !== 0;
}

function record(value: unknown): CloudEntry {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is CloudEntry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
