import type { S3Client } from '@aws-sdk/client-s3';
import type { ObjectStore } from '../../../lib/bank/store/object-store.ts';
import { s3Store } from '../../../lib/bank/store/s3.ts';
import { type S3ClientOptions, s3Client } from '../../../lib/bank/store/s3-client.ts';
import type { Clock } from '../../../lib/clock.ts';
import { Random } from '../../lib/disk/support/random.ts';
import {
  type ProxiedRequest,
  type ProxyFault,
  startFaultProxy,
} from '../../s3-server/fault-proxy.ts';
import { keysOf } from '../../lib/bank/tamper.ts';
import { passingFault } from '../../s3-server/passing-faults.ts';
import { type FaultyPlaces, rateOf } from './faulty-places.ts';

/** Each costs the real seconds of an attempt: one while a machine runs. */
const silence: readonly ProxyFault[] = [
  { kind: 'silence', effect: false },
  { kind: 'silence', effect: true },
];
const expired: ProxyFault = { kind: 'answer', effect: false, status: 400, code: 'ExpiredToken' };

const ATTEMPT_MILLISECONDS = 2000;
const MOST_SILENCES = 1;

export interface S3Lab {
  url: string;
  bucket: string;
  client: Omit<S3ClientOptions, 'endpoint'>;
}

/**
 * Places in a bucket of an S3 server, behind a proxy that fails requests by the seed. Of every four seeds one has credentials that run
 * out for good in the middle, and one has pages of one entry.
 */
export async function s3Places(seed: number, lab: S3Lab): Promise<FaultyPlaces> {
  const proxy = await startFaultProxy(lab.url);
  const random = new Random(seed);
  const rate = rateOf(seed);
  const prefix = `seed-${seed}`;
  const smallPages = (seed >> 2) % 4 === 1;
  const runsOut = (seed >> 2) % 4 === 2;
  let left = 0;
  let silences = 0;

  const draw = ({ method, headers }: ProxiedRequest): ProxyFault | undefined => {
    if (runsOut && (left -= 1) < 0) return expired;
    if (random.word() / 2 ** 32 >= rate) return undefined;
    if (random.chance(0.02) && silences < MOST_SILENCES) {
      silences += 1;
      return random.pick(silence);
    }
    const isConditional = method === 'PUT' && headers['if-none-match'] !== undefined;
    if (isConditional && random.chance(0.2)) {
      const code = 'ConditionalRequestConflict';
      return { kind: 'answer', effect: false, status: 409, code };
    }
    return passingFault(random);
  };
  const open = (client: S3Client, place: string, clock?: Clock): ObjectStore =>
    s3Store({
      client,
      bucket: lab.bucket,
      prefix: `${prefix}/${place}`,
      attemptMilliseconds: ATTEMPT_MILLISECONDS,
      ...(clock === undefined ? {} : { clock }),
    });
  const direct = s3Store({
    client: s3Client({ ...lab.client, endpoint: lab.url }),
    bucket: lab.bucket,
    prefix,
  });

  return {
    open(clock) {
      const client = s3Client({ ...lab.client, endpoint: proxy.url });
      proxy.whileServing = (served) => void clock.hold(served);
      if (smallPages) listOneByOne(client);
      return {
        bank: open(client, 'bank', clock),
        register: open(client, 'register', clock),
        work: open(client, 'work', clock),
      };
    },
    arm() {
      left = 1 + random.below(150);
      silences = 0;
      proxy.faultFor = draw;
    },
    calm() {
      proxy.faultFor = () => undefined;
    },
    get injected() {
      return proxy.injected;
    },
    async leftovers() {
      const found: string[] = [];
      for await (const { key } of direct.listUploads('')) found.push(`upload of ${key}`);
      return found;
    },
    async close() {
      await proxy.close();
      for await (const upload of direct.listUploads('')) await direct.abortUpload(upload);
      await direct.delete(await keysOf(direct, ''));
    },
  };
}

function listOneByOne(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (!commandName.startsWith('List')) return await next(args);
        const one = { MaxKeys: 1, MaxUploads: 1, MaxParts: 1 };
        return await next({ ...args, input: { ...args.input, ...one } });
      },
    { step: 'initialize', name: 'listOneByOne' },
  );
}
