/**
 * How long the locks of a checkpoint's objects take to be extended, and in how many requests: what a backup into a locked bank does
 * about every quarter of its days.
 *
 *     eval "$(bash test/s3-lab/lab.sh env)"; node test/bench/lock.bench.ts [OBJECTS=10000]
 *
 * Makes a bucket with Object Lock, puts that many small objects in governance mode, extends them, and removes all of it.
 */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { inBatches } from '../../lib/protect/retention.ts';

const count = Number(process.argv[2] ?? 10_000);
const client = s3Client();
let requests = 0;
client.middlewareStack.add(
  (next) => async (args) => {
    requests += 1;
    return await next(args);
  },
  { step: 'finalizeRequest', name: 'count' },
);
const Bucket = `bench-${randomUUID()}`;
const store = s3Store({ client, bucket: Bucket, prefix: '' });
const keys = Array.from({ length: count }, (_, n) => `packs/${String(n).padStart(7, '0')}`);
const inDays = (days: number) => ({
  mode: 'governance' as const,
  until: new Date(Math.ceil(Date.now() / 1000 + days * 86_400) * 1000),
});
const quiet = { before: async () => {}, after: async () => {} };

async function measure(what: string, extend: (key: string) => Promise<void>): Promise<void> {
  const before = requests;
  const start = performance.now();
  await inBatches(keys, 0, { ...quiet, extend });
  const seconds = (performance.now() - start) / 1000;
  const asked = requests - before;
  console.log(
    `${what.padEnd(8)} ${String(count)} objects: ${asked} requests, ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)} a second`,
  );
}

async function removeAll(): Promise<void> {
  for (;;) {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    if (Versions.length === 0) break;
    const Objects = Versions.map(({ Key, VersionId }) => ({ Key, VersionId }));
    const Delete = { Objects, Quiet: true };
    await client.send(
      new DeleteObjectsCommand({ Bucket, Delete, BypassGovernanceRetention: true }),
    );
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}

await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
try {
  const { objectLock } = store;
  if (objectLock === undefined) throw new Error('This store has no Object Lock.');
  const first = inDays(1);
  await measure('put', (key) => store.put(key, Buffer.from(key), { retention: first }));
  const longer = inDays(2);
  await measure('extend', (key) => objectLock.extend(key, longer));
} finally {
  await removeAll();
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`);
