import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeLockDays } from '../../lib/bank/change-lock.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import { readRecord } from '../../lib/bank/register/records.ts';
import { isRooted } from '../../lib/bank/register/record.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import {
  ObjectLockUnavailable,
  ObjectNotFound,
  StoreRefused,
} from '../../lib/bank/store/errors.ts';
import type { ObjectLock } from '../../lib/bank/store/object-lock.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { systemClock } from '../../lib/clock.ts';
import { CollectionSummary } from '../../lib/collect/summary.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { startWorld } from '../machines/world.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { makeBucket, removeBucket } from './buckets.ts';
import { heldClient } from './held-client.ts';

const MIB = 1024 ** 2;
const DAY_MILLISECONDS = 24 * 3600 * 1000;
const text = (value: string) => Buffer.from(value);
const inSeconds = (seconds: number) =>
  new Date(Math.ceil(Date.now() / 1000) * 1000 + seconds * 1000);

let locked: string;
let plain: string;

beforeAll(async () => {
  locked = await makeBucket({ locked: true });
  plain = await makeBucket();
});
afterAll(async () => {
  await removeBucket(plain);
  await removeBucket(locked);
});

const storeOf = (bucket: string, prefix: string) => s3Store({ client: s3Client(), bucket, prefix });
/** Enough for all that is to be refused meanwhile. */
const COMPLIANCE_MILLISECONDS = 75_000;

/** A lock in compliance mode cannot be ended, only waited for. */
async function untilUnlocked(lock: ObjectLock, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const until = (await lock.retentionOf(key))?.until.getTime() ?? 0;
    while (Date.now() < until + 1000) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const lockOf = ({ objectLock }: { objectLock?: ObjectLock }): ObjectLock => {
  if (objectLock === undefined) throw new Error('This store has no Object Lock.');
  return objectLock;
};

describe('Object Lock at a Ceph gateway', () => {
  it('is there in a bucket that was made with it, and in no other', async () => {
    expect(await lockOf(storeOf(locked, 'x')).isEnabled()).toBe(true);
    expect(await lockOf(storeOf(plain, 'x')).isEnabled()).toBe(false);
  });

  it('names a bucket without it when an object is to be locked', async () => {
    const retention = { mode: 'governance', until: inSeconds(60) } as const;

    await expect(storeOf(plain, 'x').put('a', text('x'), { retention })).rejects.toThrow(
      StoreRefused,
    );
  });

  it('locks as an object is put, extends, and never shortens', async () => {
    const store = storeOf(locked, 'extend');
    const lock = lockOf(store);
    const short = { mode: 'governance', until: inSeconds(60) } as const;
    const long = { mode: 'governance', until: inSeconds(120) } as const;
    await store.put('a', text('x'), { retention: short });
    expect(await lock.retentionOf('a')).toEqual(short);

    await lock.extend('a', long);
    await lock.extend('a', long);
    await lock.extend('a', short);

    expect(await lock.retentionOf('a')).toEqual(long);
    await expect(lock.extend('nothing', long)).rejects.toThrow(ObjectNotFound);
    await store.put('free', text('x'));
    expect(await lock.retentionOf('free')).toBeUndefined();
    await lock.extend('free', short);
    expect(await lock.retentionOf('free')).toEqual(short);
  });

  it('is told apart from a missing permission', async () => {
    const store = storeOf(locked, 'denied');
    const retention = { mode: 'governance', until: inSeconds(60) } as const;
    await store.put('a', text('x'), { retention });
    const guest = s3Client({
      credentials: {
        accessKeyId: process.env['S3_LAB_GUEST_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: process.env['S3_LAB_GUEST_SECRET_ACCESS_KEY'] ?? '',
      },
    });
    const foreign = lockOf(s3Store({ client: guest, bucket: locked, prefix: 'denied' }));

    await expect(foreign.extend('a', retention)).rejects.toThrow(StoreRefused);
    await expect(foreign.deleteUnlocked(['a'])).rejects.toThrow(StoreRefused);
  });

  it('keeps a version in compliance mode from being deleted by its owner until its time is over', async () => {
    const store = storeOf(locked, 'compliance');
    const lock = lockOf(store);
    const until = inSeconds(3);
    await store.put('a', text('kept'), { retention: { mode: 'compliance', until } });
    await store.put('b', text('free'));
    // Only a mark of deletion, which the locked version survives.
    await store.delete(['a']);

    expect(await lock.deleteUnlocked(['a', 'b', 'nothing'])).toEqual([{ key: 'a', until }]);

    expect(Buffer.from(await store.get('a')).toString()).toBe('kept');
    expect(await keysOf(store, '')).toEqual(['a']);
    await untilUnlocked(lock, ['a']);
    expect(await lock.deleteUnlocked(['a'])).toEqual([]);
    const left = await s3Client().send(
      new ListObjectVersionsCommand({ Bucket: locked, Prefix: 'compliance/' }),
    );
    expect([...(left.Versions ?? []), ...(left.DeleteMarkers ?? [])]).toEqual([]);
  });

  it('deletes many objects over several pages, and those that are asked for alone', async () => {
    const store = storeOf(locked, 'many');
    const keys = Array.from({ length: 550 }, (_, n) => `packs/${String(n).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(
        keys.slice(at, at + 50).map(async (key) => {
          await store.put(key, text('x'));
          await store.put(key, text('x'));
        }),
      );
    }
    const kept = keys.filter((_, n) => n % 100 === 7);

    expect(await lockOf(store).deleteUnlocked(keys.filter((key) => !kept.includes(key)))).toEqual(
      [],
    );

    expect(await keysOf(store, '')).toEqual(kept);
  });
});

const create = (places: { bank: string; register: string; work: string }) =>
  createBank(
    {
      bank: storeOf(places.bank, 'refused'),
      register: storeOf(places.register, 'refused-register'),
      work: storeOf(places.work, 'refused-work'),
    },
    { access: 'unsealed', lock: { mode: 'governance', days: 1 } },
  );

describe('a locked bank at a Ceph gateway', () => {
  it('is refused by name in a bucket without Object Lock, and leaves nothing', async () => {
    await expect(create({ bank: plain, register: plain, work: plain })).rejects.toThrow(
      ObjectLockUnavailable,
    );
    expect(await keysOf(storeOf(plain, 'refused'), '')).toEqual([]);
    expect(await keysOf(storeOf(plain, 'refused-register'), '')).toEqual([]);
  });

  it('is refused with its register or its work place in a bucket with Object Lock', async () => {
    await expect(create({ bank: locked, register: locked, work: plain })).rejects.toThrow(
      'SNAPBANK_REGISTER',
    );
    await expect(create({ bank: locked, register: plain, work: locked })).rejects.toThrow(
      'SNAPBANK_WORK',
    );
  });

  it('is locked for more days when it is told to, as a newer version of bank.json says', async () => {
    const places = {
      bank: storeOf(locked, 'changed'),
      register: storeOf(plain, 'changed-register'),
      work: storeOf(plain, 'changed-work'),
    };
    const lock = { mode: 'governance', days: 1 } as const;
    const bank = await createBank(places, { access: 'unsealed', lock });

    await changeLockDays(bank, 9);

    expect((await openBank(places)).info.lock).toEqual({ mode: 'governance', days: 9 });
    expect((await lockOf(places.bank).retentionOf('bank.json'))?.until.getTime()).toBeGreaterThan(
      Date.now() + 9 * DAY_MILLISECONDS,
    );
  });

  it('protects incremental backups for as long as it promises, and is collected after that', async () => {
    let days = 0;
    const clock = { ...systemClock, now: () => Date.now() + days * DAY_MILLISECONDS };
    let held: VirtualClock | undefined;
    const client = heldClient(() => held);
    const bank = s3Store({ client, bucket: locked, prefix: 'bank', clock });
    const world = await startWorld({
      places: {
        bank,
        register: s3Store({ client, bucket: plain, prefix: 'register' }),
        work: s3Store({ client, bucket: plain, prefix: 'work' }),
      },
      lock: { mode: 'governance', days: 4 },
    });
    held = world.clock;
    const lock = lockOf(bank);
    try {
      const server = await world.addServer('web', randomBytes(2 * MIB));
      const first = (await world.backUp()).get(server) ?? '';
      // Three days later the objects of the first backup would be locked for two days more.
      days = 3;
      await world.cloud.writeGuest(server, 8 * MIB, randomBytes(MIB));
      const second = (await world.backUp()).get(server) ?? '';

      const head = await readRecord(await world.services.register(), second);
      if (head.kind !== 'live' || !isRooted(head.value)) throw new Error('not committed');
      const root = await readRoot(await world.services.bank(), head.value.root);
      const keys = [
        'bank.json',
        head.value.root.key,
        ...root.packs.map(({ key }) => key),
        ...root.disks.flatMap((disk) => disk.segments.flatMap(({ object }) => object?.key ?? [])),
      ];
      expect(keys.filter((key) => key.includes(first)).length).toBeGreaterThanOrEqual(2);
      for (const key of keys) {
        const { mode, until } = (await lock.retentionOf(key)) ?? {};
        expect(mode, key).toBe('governance');
        expect(until?.getTime(), key).toBeGreaterThanOrEqual(Date.now() + 7 * DAY_MILLISECONDS);
        expect(until?.toISOString() ?? '', key).toSatisfy(
          (date: string) => date >= (root.lockedUntil ?? 'z'),
        );
      }

      // Whoever takes the owner's credentials deletes everything, and it is all there.
      await bank.delete(await keysOf(bank, ''));
      expect(await keysOf(bank, '')).toEqual([]);
      const { DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: locked, Prefix: 'bank/' }),
      );
      for (const { Key, VersionId } of DeleteMarkers) {
        await client.send(new DeleteObjectCommand({ Bucket: locked, Key, VersionId }));
      }
      const restored = await world.run('restore', {
        checkpoint: second,
        name: 'again',
        check: true,
      });
      expect(restored.output).toMatchObject({ identical: true });

      expect((await world.run('prune', { keep: { last: 1 } })).status).toBe('SUCCEEDED');
      const outcome = await world.run('collect-garbage', { undelete_days: 0, force: true });
      const summary = CollectionSummary.parse(outcome.output);
      expect(summary.deleted.objects).toBe(0);
      expect(summary.retained).toEqual(summary.dead);
      expect(summary.dead.objects).toBeGreaterThan(0);
      expect(summary.retainedUntil ?? '').toSatisfy(
        (date: string) => date > new Date(Date.now() + 4 * DAY_MILLISECONDS).toISOString(),
      );
    } finally {
      await world.close();
    }
  });

  it('lets nobody delete before its time in compliance mode, not even the owner of the bucket; then it is collected', async () => {
    const bucket = await makeBucket({ locked: true });
    // A lock of a day, and a day to spare, that began so long ago that they end within this test.
    const clock = {
      ...systemClock,
      now: () => Date.now() - 2 * DAY_MILLISECONDS + COMPLIANCE_MILLISECONDS,
    };
    let held: VirtualClock | undefined;
    const client = heldClient(() => held);
    const bank = s3Store({ client, bucket, prefix: 'bank', clock });
    const world = await startWorld({
      places: {
        bank,
        register: s3Store({ client, bucket: plain, prefix: 'compliance-register' }),
        work: s3Store({ client, bucket: plain, prefix: 'compliance-work' }),
      },
      lock: { mode: 'compliance', days: 1 },
    });
    held = world.clock;
    const versions = async () => {
      const { Versions = [], DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket }),
      );
      return { objects: Versions, markers: DeleteMarkers };
    };
    try {
      const server = await world.addServer('web', randomBytes(2 * MIB));
      await world.backUp();
      await world.cloud.writeGuest(server, MIB, randomBytes(2 * MIB));
      await world.backUp();
      expect(await world.run('prune', { keep: { last: 1 } })).toMatchObject({
        status: 'SUCCEEDED',
        output: { pruned: 1 },
      });
      const early = await world.run('collect-garbage', { undelete_days: 0, force: true });
      expect(early.output).toMatchObject({ deleted: { objects: 0 } });
      expect(CollectionSummary.parse(early.output).retained.objects).toBeGreaterThan(1);

      const { objects } = await versions();
      for (const { Key = '', VersionId } of objects) {
        const until = (await lockOf(bank).retentionOf(Key.replace(/^bank\//, '')))?.until;
        expect(until?.getTime(), Key).toBeGreaterThan(Date.now());
        const remove = { Bucket: bucket, Key, VersionId, BypassGovernanceRetention: true };
        await expect(client.send(new DeleteObjectCommand(remove)), Key).rejects.toThrow();
        const shorter = { Mode: 'GOVERNANCE', RetainUntilDate: new Date() } as const;
        const relax = { Bucket: bucket, Key, VersionId, BypassGovernanceRetention: true };
        await expect(
          client.send(new PutObjectRetentionCommand({ ...relax, Retention: shorter })),
        ).rejects.toThrow();
      }
      expect((await versions()).objects).toHaveLength(objects.length);
      expect(await world.run('verify', {})).toMatchObject({ output: { sound: 1, proven: 1 } });
      const restore = { checkpoint: 'web@latest', name: 'again', check: true };
      expect((await world.run('restore', restore)).output).toMatchObject({ identical: true });

      await untilUnlocked(lockOf(bank), await keysOf(bank, ''));
      const late = await world.run('collect-garbage', { undelete_days: 0, force: true });
      expect(late.output).toMatchObject({ retained: { objects: 0 }, retainedUntil: null });
      expect(CollectionSummary.parse(late.output).deleted.objects).toBeGreaterThan(1);
      expect((await versions()).markers).toEqual([]);
      expect(await world.run('verify', {})).toMatchObject({ output: { sound: 1 } });
    } finally {
      await world.close();
      await untilUnlocked(lockOf(bank), await keysOf(bank, ''));
      await removeBucket(bucket);
    }
  }, 300_000);

  it('goes by the clock of the server where that of this machine is hours behind', async () => {
    const client = s3Client();
    client.config.systemClockOffset = -7 * 3600 * 1000;
    const bank = s3Store({ client, bucket: locked, prefix: 'skewed' });
    // The server's answer tells its time.
    await bank.size('bank.json');

    expect(Math.abs(lockOf(bank).now() - Date.now())).toBeLessThan(60_000);
  });
});
