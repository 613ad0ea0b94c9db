import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { s3Store } from '../../../../lib/bank/store/s3.ts';
import { type S3ClientOptions, s3Client } from '../../../../lib/bank/store/s3-client.ts';
import {
  type FaultProxy,
  type ProxiedRequest,
  type ProxyFault,
  startFaultProxy,
} from '../../../s3-server/fault-proxy.ts';
import { passingFault } from '../../../s3-server/passing-faults.ts';
import { Random } from '../../disk/support/random.ts';
import { describeObjectStore } from './conformance.ts';
import { instantClock } from './instant-clock.ts';

/** Share of requests that fail. */
const RATE = 0.1;
/** Seconds of an attempt that is never answered; so only a few are not. */
const ATTEMPT_MILLISECONDS = 3000;
const MOST_SILENCES = 4;

interface S3Lab {
  url: string;
  bucket: string;
  client: Omit<S3ClientOptions, 'endpoint'>;
}

/** The whole contract of `ObjectStore`, while one of ten requests fails on its way to the server or back, drawn by the seed. */
export function describeUnderFaults(name: string, seed: number, lab: () => S3Lab): void {
  const random = new Random(seed);
  let silences = 0;
  let proxy: FaultProxy;

  const faultFor = ({ method, path, headers }: ProxiedRequest): ProxyFault | undefined => {
    // A presigned URL is read by a test itself, which does not repeat it.
    if (path.includes('X-Amz-Signature') || random.word() / 2 ** 32 >= RATE) return undefined;
    // The contract lets other faults of these be seen: the outcome is not known, or an upload is left that nobody knows.
    if (method === 'PUT' && headers['if-none-match'] !== undefined) {
      return refused(409, 'ConditionalRequestConflict');
    }
    if (method === 'POST' && /[?&]uploads/.test(path)) return refused(503, 'SlowDown');
    if (silences < MOST_SILENCES && random.chance(0.05)) {
      silences += 1;
      return { kind: 'silence', effect: random.chance(0.5) };
    }
    return passingFault(random);
  };

  beforeAll(async () => {
    proxy = await startFaultProxy(lab().url);
    proxy.faultFor = faultFor;
  });
  afterAll(async () => {
    await proxy.close();
    if (proxy.injected === 0) throw new Error('No request has met a fault.');
  });

  describeObjectStore(
    `${name}, when one of ten requests fails,`,
    async () => {
      const { bucket, client } = lab();
      const prefix = `place/${randomUUID()}`;
      const open = () =>
        s3Store({
          client: s3Client({ ...client, endpoint: proxy.url }),
          bucket,
          prefix,
          clock: instantClock(),
          attemptMilliseconds: ATTEMPT_MILLISECONDS,
        });
      return { store: open(), other: open(), remove: async () => {} };
    },
    { presigns: true },
  );
}

function refused(status: number, code: string): ProxyFault {
  return { kind: 'answer', effect: false, status, code };
}
