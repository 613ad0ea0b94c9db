import { randomBytes } from 'node:crypto';
import { createBank } from '../../lib/bank/create-bank.ts';
import { newSecretKey } from '../../lib/bank/keys/key-text.ts';
import { readSharedRoot } from '../../lib/bank/read/shared-roots.ts';
import { putRoot, readRoot } from '../../lib/bank/roots.ts';
import { memoryPlaces } from '../lib/bank/a-bank.ts';
import { FORMAT_VERSION } from '../../lib/bank/format-version.ts';

/** What it takes a worker to get at the root of a disk of 10 TiB, the first time and later. Run: node --expose-gc test/bench/root.bench.ts */
const SEGMENTS = 10_240;
const PACKS = SEGMENTS * 16;
const CHECKPOINT = 'a'.repeat(24);

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const MIB = 1024 ** 2;

function heapMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / MIB;
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const line = `${(performance.now() - startedAt).toFixed(1)} ms, ${((user + system) / 1000).toFixed(1)} ms of CPU`;
  process.stdout.write(`${what}: ${line}\n`);
  return result;
}

const bank = await createBank(memoryPlaces(), {
  access: [{ label: 'bench', role: 'reader', publicKey: newSecretKey().publicKey }],
});
const { chunkSizeBytes, chunksPerSegment } = bank.info;
const ref = await putRoot(bank, {
  format: 'snapbank root',
  version: FORMAT_VERSION,
  bankId: bank.info.bankId,
  checkpoint: CHECKPOINT,
  createdAt: new Date().toISOString(),
  execution: 'bench',
  label: null,
  identity: { cloud: 'cloud', region: 'one', projectId: 'p', serverId: 's' },
  parent: null,
  lockedUntil: null,
  base: null,
  chunkSizeBytes,
  chunksPerSegment,
  disks: [
    {
      disk: 0,
      guestSizeBytes: SEGMENTS * chunkSizeBytes * chunksPerSegment,
      format: 'raw',
      merkleRoot: hex(32),
      segments: Array.from({ length: SEGMENTS }, (_, segment) => ({
        object: {
          key: `segments/${CHECKPOINT}/0-${String(segment)}-${hex(8)}`,
          digest: hex(32),
          sizeBytes: 200_000,
        },
        hash: hex(32),
        chunkCount: chunksPerSegment,
        nonHoleCount: chunksPerSegment,
      })),
    },
  ],
  packs: Array.from({ length: PACKS }, (_, pack) => ({
    key: `packs/${CHECKPOINT}/0-${String(pack >> 4)}-${hex(8)}-${String(pack & 15)}`,
    digest: hex(32),
    sizeBytes: 60_000_000,
    chunks: 256,
    liveChunks: 256,
    liveBytes: 59_000_000,
  })),
  stats: {
    readBytes: 0,
    holeChunks: 0,
    reusedChunks: 0,
    newChunks: 0,
    newBytes: 0,
    storedBytes: 0,
  },
  description: null,
});
const size = (await bank.places.bank.size(ref.key)) ?? 0;
process.stdout.write(
  `stored root of ${String(SEGMENTS)} segments: ${(size / MIB).toFixed(1)} MiB\n`,
);
const before = heapMiB();
await timed('read alone', () => readRoot(bank, ref));
await timed('read alone again', () => readRoot(bank, ref));
await timed('shared, first', () => readSharedRoot(bank, ref));
await timed('shared, next', () => readSharedRoot(bank, ref));
process.stdout.write(`kept: ${(heapMiB() - before).toFixed(0)} MiB of heap\n`);
