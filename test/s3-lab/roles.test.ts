import { randomBytes } from 'node:crypto';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Role, type RolePlaces, roleStatements } from '../../infra/role-policy.ts';
import { addAccess } from '../../lib/bank/keys/access.ts';
import { newSecretKey } from '../../lib/bank/keys/key-text.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { StoreRefused } from '../../lib/bank/store/errors.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import type { Services } from '../../lib/services.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { startWorld, type World } from '../machines/world.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { makeBucket, removeBucket } from './buckets.ts';
import { heldClient } from './held-client.ts';

const MIB = 1024 ** 2;
const OWNER = { AWS: ['arn:aws:iam:::user/lab'] };
const GUEST = { AWS: ['arn:aws:iam:::user/guest'] };
/** What of objects can be allowed. */
const OBJECT_ACTIONS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:PutObjectRetention',
  's3:GetObjectRetention',
  's3:DeleteObjectVersion',
];

describe('the roles of a bank at a Ceph gateway', () => {
  let buckets: { bank: string; register: string; work: string };
  let world: World;
  let guest: BankPlaces;
  let withReadersKey: Services;
  let withWritersKey: Services;
  let serverId: string;

  /** The guest may do what the role's policy says, and not even with what it put itself anything else. */
  const becomes = async (role: Role) => {
    const places: RolePlaces = {
      bank: `s3://${buckets.bank}/b`,
      register: `s3://${buckets.register}/r`,
      work: `s3://${buckets.work}/w`,
      locked: true,
    };
    const statements = roleStatements(role, places);
    for (const Bucket of Object.values(buckets)) {
      const arn = `arn:aws:s3:::${Bucket}`;
      // This gateway looks at a request to delete several objects as one that is about the bucket.
      const own = statements
        .filter(({ Resource }) => Resource[0]?.startsWith(arn))
        .map((one) =>
          one.Action.some((action) => action.startsWith('s3:DeleteObject'))
            ? { ...one, Resource: [...one.Resource, arn] }
            : one,
        );
      const allowed = own.map((statement) => ({ ...statement, Principal: GUEST }));
      // Who puts an object owns it at this gateway, and may read it whatever is allowed: what is not allowed is denied.
      const denied = OBJECT_ACTIONS.map((action) => {
        const keys = own.filter(({ Action }) => Action.includes(action));
        const rest = { Effect: 'Deny', Principal: GUEST, Action: [action] };
        return keys.length === 0
          ? { ...rest, Resource: [`${arn}/*`] }
          : { ...rest, NotResource: keys.flatMap(({ Resource }) => Resource) };
      });
      const owner = {
        Effect: 'Allow',
        Principal: OWNER,
        Action: ['s3:*'],
        Resource: [arn, `${arn}/*`],
      };
      const Policy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [owner, ...allowed, ...denied],
      });
      await s3Client().send(new PutBucketPolicyCommand({ Bucket, Policy }));
    }
  };

  const placesOf = (client: ReturnType<typeof s3Client>): BankPlaces => ({
    bank: s3Store({ client, bucket: buckets.bank, prefix: 'b' }),
    register: s3Store({ client, bucket: buckets.register, prefix: 'r' }),
    work: s3Store({ client, bucket: buckets.work, prefix: 'w' }),
  });

  beforeAll(async () => {
    buckets = {
      bank: await makeBucket({ locked: true }),
      register: await makeBucket(),
      work: await makeBucket(),
    };
    let held: VirtualClock | undefined;
    world = await startWorld({
      places: placesOf(heldClient(() => held)),
      lock: { mode: 'governance', days: 1 },
    });
    held = world.clock;
    serverId = await world.addServer('web', randomBytes(2 * MIB));
    const writer = newSecretKey();
    const { publicKey } = writer;
    await addAccess(await world.services.bank(), { label: 'night', role: 'writer', publicKey });
    const credentials = {
      accessKeyId: process.env['S3_LAB_GUEST_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: process.env['S3_LAB_GUEST_SECRET_ACCESS_KEY'] ?? '',
    };
    guest = placesOf(heldClient(() => held, { credentials }));
    withReadersKey = world.servicesThrough(guest);
    await becomes('backup');
    const bank = await openBank(guest, { key: writer });
    expect(bank.info.access).toBe('writer');
    const { nameKey } = bank.keys;
    const register = registerOn({ store: guest.register, nameKey, clock: world.services.clock });
    withWritersKey = {
      ...withReadersKey,
      bank: () => Promise.resolve(bank),
      register: () => Promise.resolve(register),
    };
  });
  afterAll(async () => {
    await world.close();
    for (const bucket of Object.values(buckets)) await removeBucket(bucket);
  });

  const run = (machine: Parameters<World['run']>[0], input: object, services: Services) =>
    world.run(machine, input as never, { services });

  it('back up, first and incrementally, without reading any of what is stored', async () => {
    await becomes('backup');
    for (let night = 0; night < 2; night += 1) {
      await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(MIB));
      const outcome = await run('backup', {}, withWritersKey);
      expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { succeeded: 1 } });
    }

    const [pack = ''] = await keysOf(world.places.bank, 'packs/');
    await expect(guest.bank.get(pack)).rejects.toThrow(StoreRefused);
    await expect(guest.bank.size(pack)).rejects.toThrow(StoreRefused);
    await expect(guest.bank.delete([pack])).rejects.toThrow(StoreRefused);
    const records = await keysOf(world.places.register, 'records/');
    await expect(guest.register.delete(records)).rejects.toThrow(StoreRefused);
    await expect(guest.bank.put('bank.json', Buffer.from('{}'))).rejects.toThrow(StoreRefused);
    await expect(guest.bank.objectLock?.deleteUnlocked([pack])).rejects.toThrow(StoreRefused);
  });

  it('a backup cannot read what it wrote: not for want of permission alone, nor of the key alone', async () => {
    await becomes('backup');
    const restore = { checkpoint: 'web@latest', name: 'stolen' };
    expect(await run('restore', restore, withReadersKey)).toMatchObject({ status: 'FAILED' });
    // With the owner's store and the key of the backup.
    const everything = { ...withWritersKey, places: world.places };
    const bank = { ...(await withWritersKey.bank()), places: world.places };
    const thief = { ...everything, bank: () => Promise.resolve(bank) };
    expect(await run('restore', restore, thief)).toMatchObject({
      status: 'FAILED',
      error: 'KeyMissing',
    });
    expect(await world.leftovers()).toEqual([]);
  });

  it('restore, and store nothing', async () => {
    await becomes('restore');
    const restore = { checkpoint: 'web@latest', name: 'again', image_only: true, check: true };
    expect(await run('restore', restore, withReadersKey)).toMatchObject({
      status: 'SUCCEEDED',
      output: { identical: true },
    });
    expect((await run('backup', {}, withReadersKey)).status).toBe('FAILED');
    await expect(guest.bank.put('packs/x', Buffer.from('x'))).rejects.toThrow(StoreRefused);
  });

  it('verify, down to the last chunk, and note what they found', async () => {
    await becomes('verify');
    expect(await run('verify', { level: 'packs' }, withWritersKey)).toMatchObject({
      status: 'SUCCEEDED',
      output: { sound: 2 },
    });
    expect(await run('verify', {}, withReadersKey)).toMatchObject({
      status: 'SUCCEEDED',
      output: { sound: 2, proven: 2 },
    });
    expect((await run('prune', { keep: { last: 1 } }, withReadersKey)).status).toBe('SUCCEEDED');
    await expect(guest.bank.delete(await keysOf(world.places.bank, 'packs/'))).rejects.toThrow(
      StoreRefused,
    );
  });

  it('prune, and delete nothing; and collect', async () => {
    await becomes('prune');
    await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(MIB));
    await world.backUp();
    expect(await run('prune', { keep: { last: 1 } }, withWritersKey)).toMatchObject({
      status: 'SUCCEEDED',
      output: { kept: 2 },
    });
    expect(await run('collect-garbage', { undelete_days: 0 }, withReadersKey)).toMatchObject({
      status: 'FAILED',
    });

    await becomes('collect');
    const collect = { undelete_days: 0, force: true };
    expect(await run('collect-garbage', collect, withReadersKey)).toMatchObject({
      status: 'SUCCEEDED',
      output: { deleted: { objects: 0 } },
    });
  });
});
