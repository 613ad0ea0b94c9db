import {
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import { validateKey } from './arguments.ts';
import { ObjectNotFound, StoreRefused } from './errors.ts';
import type { ObjectLock, RetainedObject, Retention } from './object-lock.ts';
import type { CallOptions } from './object-store.ts';
import { callS3, keyIn, objectOf, type S3Place } from './s3-calls.ts';
import { deleteEach } from './s3-delete.ts';
import { codeOf } from './s3-errors.ts';

const MODE = { governance: 'GOVERNANCE', compliance: 'COMPLIANCE' } as const;
const LOOKUPS_AT_ONCE = 32;

/** Answers that mean: no lock. Ceph's gateway gives the bucket's code for an object that has none, too. */
const NO_LOCK = [
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'InvalidRequest',
  'NotImplemented',
  'MethodNotAllowed',
];

/** What PutObject is told of a lock. */
export function retentionFields(retention: Retention | undefined) {
  if (retention === undefined) return {};
  return { ObjectLockMode: MODE[retention.mode], ObjectLockRetainUntilDate: retention.until };
}

export function s3ObjectLock(place: S3Place): ObjectLock {
  const { client } = place;
  return {
    isEnabled: (options) =>
      callS3(place, 'Asking for Object Lock', options, async (abortSignal) => {
        try {
          const command = new GetObjectLockConfigurationCommand({ Bucket: place.bucket });
          const { ObjectLockConfiguration } = await client.send(command, { abortSignal });
          return ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
        } catch (error) {
          if (NO_LOCK.includes(codeOf(error))) return false;
          throw error;
        }
      }),

    now: () => place.clock.now() + client.config.systemClockOffset,

    async extend(key, retention, options) {
      validateKey(key);
      await callS3(place, `Locking ${key}`, options, async (abortSignal) => {
        const Retention = { Mode: MODE[retention.mode], RetainUntilDate: retention.until };
        const command = { ...objectOf(place, key), Retention };
        try {
          await client.send(new PutObjectRetentionCommand(command), { abortSignal });
        } catch (error) {
          if (isMissing(error)) throw notFound(place, key);
          if (codeOf(error) !== 'AccessDenied') throw error;
          // Also the answer to a lock that is longer already, another checkpoint's.
          const held = await readRetention(place, key, undefined, abortSignal);
          if (held?.mode !== retention.mode || held.until < retention.until) throw error;
        }
      });
    },

    async retentionOf(key, options) {
      validateKey(key);
      return callS3(place, `Looking up the lock of ${key}`, options, (abortSignal) =>
        readRetention(place, key, undefined, abortSignal),
      );
    },

    async deleteUnlocked(keys, options) {
      for (const key of keys) validateKey(key);
      const versions = await versionsOf(place, keys, options);
      const refused = await deleteEach(
        place,
        versions,
        options,
        (code) => code === 'AccessDenied' || code === 'InvalidRequest',
      );
      const retained: RetainedObject[] = [];
      for (let at = 0; at < refused.length; at += LOOKUPS_AT_ONCE) {
        const group = refused.slice(at, at + LOOKUPS_AT_ONCE);
        retained.push(...(await Promise.all(group.map((one) => lockOf(place, one, options)))));
      }
      return latestOfEach(retained);
    },
  };
}

async function readRetention(
  place: S3Place,
  key: string,
  VersionId: string | undefined,
  abortSignal: AbortSignal,
): Promise<Retention | undefined> {
  try {
    const command = new GetObjectRetentionCommand({ ...objectOf(place, key), VersionId });
    const { Retention } = await place.client.send(command, { abortSignal });
    const { Mode, RetainUntilDate: until } = Retention ?? {};
    if (until === undefined) return undefined;
    return { mode: Mode === 'COMPLIANCE' ? 'compliance' : 'governance', until };
  } catch (error) {
    if (isMissing(error)) throw notFound(place, key);
    if (NO_LOCK.includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** All versions of the objects, marks of deletion too. */
async function versionsOf(
  place: S3Place,
  keys: readonly string[],
  options: CallOptions | undefined,
): Promise<ObjectIdentifier[]> {
  const wanted = new Set(keys.map((key) => objectOf(place, key).Key));
  const sorted = [...wanted].sort();
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return [];
  const found: ObjectIdentifier[] = [];
  // A listing begins after its marker, and what a key begins with comes before the key.
  let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {
    KeyMarker: first.slice(0, -1),
  };
  const Prefix = commonPrefix(first, last);
  for (let more = true; more; ) {
    const command = { Bucket: place.bucket, Prefix, ...from };
    const page = await callS3(place, 'Listing versions', options, (abortSignal) =>
      place.client.send(new ListObjectVersionsCommand(command), { abortSignal }),
    );
    let beyond = false;
    for (const { Key = '', VersionId } of [
      ...(page.Versions ?? []),
      ...(page.DeleteMarkers ?? []),
    ]) {
      if (wanted.has(Key)) found.push({ Key, VersionId });
      else if (Key > last) beyond = true;
    }
    from = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    more = page.IsTruncated === true && !beyond;
  }
  return found;
}

async function lockOf(
  place: S3Place,
  { Key = '', VersionId }: ObjectIdentifier,
  options: CallOptions | undefined,
): Promise<RetainedObject> {
  const key = keyIn(place, Key);
  const attempted = `Looking up the lock of ${key}`;
  const retention = await callS3(place, attempted, options, (abortSignal) =>
    readRetention(place, key, VersionId, abortSignal),
  );
  if (retention !== undefined) return { key, until: retention.until };
  throw new StoreRefused(
    `Deleting ${key} was refused by ${place.location}, and no lock with a date is on it: allow s3:DeleteObjectVersion, or end its legal hold.`,
    { identifiers: { key } },
  );
}

function latestOfEach(retained: readonly RetainedObject[]): RetainedObject[] {
  const latest = new Map<string, RetainedObject>();
  for (const one of retained) {
    const known = latest.get(one.key);
    if (known === undefined || known.until < one.until) latest.set(one.key, one);
  }
  return [...latest.values()];
}

function commonPrefix(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}

/** In a bucket with versions, the answer for an object that somebody hid by deleting it is MethodNotAllowed on AWS. */
function isMissing(error: unknown): boolean {
  return ['NoSuchKey', 'NoSuchVersion', 'MethodNotAllowed'].includes(codeOf(error));
}

function notFound({ location }: S3Place, key: string): ObjectNotFound {
  return new ObjectNotFound(`No object ${key} in ${location}.`, { identifiers: { key } });
}
