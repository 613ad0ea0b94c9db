import { InvalidInput } from './errors.ts';

/** What a deployment decides, from the environment of the functions. */
export interface Settings {
  /** Snapshot the server first and back up the snapshot; an execution's input overrides it. */
  enableServerSnapshot: boolean;
  /** Servers backed up at once: protects Nova, Glance and Cinder, not AWS. */
  serversAtOnce: number;
  /** Snapshots asked of one compute host at once, as far as it is known. */
  snapshotsPerHost: number;
  /** Ranges of one disk read at once. */
  rangesAtOnce: number;
  /** Parts of one restored image written, or ranges of it checked, at once. */
  partsAtOnce: number;
  /** How a restored image gets into Glance unless the input says: `web-download` needs a store that Glance can reach. */
  imageImport: 'web-download' | 'stream';
  /** Images of more bytes than this are not given to a function where they must be moved in one pass and there are containers. */
  functionPassBytes: number;
  /** Prefix of the work place within its bucket, as the state machines name its keys: empty, or ends with `/`. */
  workPrefix: string;
}

/** 840 of a function's 900 s, at 60 MB a second. */
const FUNCTION_PASS_BYTES = 840 * 60e6;

type Environment = Readonly<Record<string, string | undefined>>;

export function settingsFromEnvironment(env: Environment): Settings {
  return {
    enableServerSnapshot: booleanSetting(env, 'ENABLE_SERVER_SNAPSHOT', true),
    serversAtOnce: countSetting(env, 'SNAPBANK_SERVERS_AT_ONCE', 4),
    snapshotsPerHost: countSetting(env, 'SNAPBANK_SNAPSHOTS_PER_HOST', 5),
    rangesAtOnce: countSetting(env, 'SNAPBANK_RANGES_AT_ONCE', 4),
    partsAtOnce: countSetting(env, 'SNAPBANK_PARTS_AT_ONCE', 4),
    imageImport: importSetting(env),
    functionPassBytes: bytesSetting(env, 'SNAPBANK_FUNCTION_PASS_BYTES', FUNCTION_PASS_BYTES),
    workPrefix: env['SNAPBANK_WORK_PREFIX'] ?? '',
  };
}

/** `true` or `false`, nothing else: a mistyped switch must not silently back up images without data. */
export function parseBoolean(name: string, value: string): boolean {
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new InvalidInput(`${name} is "${value}"; it must be "true" or "false".`);
}

function booleanSetting(env: Environment, name: string, otherwise: boolean): boolean {
  const value = env[name];
  return value === undefined ? otherwise : parseBoolean(name, value);
}

function importSetting(env: Environment): Settings['imageImport'] {
  const value = env['SNAPBANK_IMAGE_IMPORT'] ?? 'stream';
  if (value === 'web-download' || value === 'stream') return value;
  throw new InvalidInput(
    `SNAPBANK_IMAGE_IMPORT is "${value}"; it must be "web-download" or "stream".`,
  );
}

function bytesSetting(env: Environment, name: string, otherwise: number): number {
  const value = env[name];
  if (value === undefined || value === '') return otherwise;
  const bytes = Number(value);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidInput(`${name} is "${value}"; it must be a whole number of bytes.`);
}

function countSetting(env: Environment, name: string, otherwise: number): number {
  const value = env[name];
  if (value === undefined || value === '') return otherwise;
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw new InvalidInput(`${name} is "${value}"; it must be a whole number from 1 to 1000.`);
  }
  return count;
}
