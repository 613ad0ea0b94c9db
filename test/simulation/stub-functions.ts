import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import type { Clock } from '../../lib/clock.ts';
import { RangeUnfinished } from '../../lib/protect/errors.ts';
import { executionKey, putItems } from '../../lib/protect/items.ts';
import { nextWaitSeconds } from '../../lib/protect/snapshot.ts';
import { rangesOf } from '../../lib/protect/upload-plan.ts';
import type { ServerProtectable } from '../../lib/protectable.ts';
import {
  type Assembly,
  type PartRange,
  partsOf,
  startAssembly,
} from '../../lib/restore/assembly.ts';
import type { RestorePlan } from '../../lib/restore/plan.ts';
import type { FunctionContext, LocalFunction } from '../../local/engine/execution-options.ts';
import type { Json } from '../../local/engine/json.ts';
import { BYTES_PER_SECOND, GIB, type Scenario } from './scenario.ts';
import type { Tally } from './tally.ts';

const MIB = 1024 ** 2;
const PACK_BYTES = 64 * MIB;
/** Chunks that are stored shrink to about half. */
const COMPRESSION = 0.5;
const SEGMENT_SECONDS = GIB / BYTES_PER_SECOND;
/** As in functions/upload-range.ts and functions/assemble-range.ts. */
const TIME_LEFT_MILLISECONDS = { segment: 60_000, part: 90_000 };

export interface Stage {
  readonly scenario: Scenario;
  readonly clock: Clock;
  readonly work: ObjectStore;
  readonly tally: Tally;
  readonly memoryGiBOf: (name: string) => number;
}

interface Turn {
  /** Passes so many seconds of work. */
  readonly busy: (seconds: number) => Promise<void>;
  readonly context: FunctionContext;
}

type Stub = (payload: Record<string, Json>, turn: Turn) => Promise<unknown>;

/**
 * Functions that answer as the real ones do (shapes, sizes, errors, and the real arithmetic of ranges and parts) without a cloud, a
 * bank or data: each takes the time that the real one would, by the clock of the simulation.
 */
export function stubFunctions(stage: Stage): Record<string, LocalFunction> {
  const { clock, tally } = stage;
  return Object.fromEntries(
    Object.entries(stubs(stage)).map(([name, stub]) => [
      name,
      async (payload: Json, context: FunctionContext) => {
        const startedAt = clock.now();
        const end = tally.called(stage.memoryGiBOf(name));
        const busy = (seconds: number) => clock.sleep(seconds * 1000, context.signal);
        try {
          return await stub(payload as Record<string, Json>, { busy, context });
        } finally {
          end((clock.now() - startedAt) / 1000);
        }
      },
    ]),
  );
}

function stubs(stage: Stage): Record<string, Stub> {
  return { ...backupStubs(stage), ...restoreStubs(stage) };
}

/** A function that does little, with so many requests to S3. */
function brief(
  { tally }: Stage,
  seconds: number,
  puts: number,
  gets: number,
  answer: unknown,
): Stub {
  return async (_payload, { busy }) => {
    tally.requestsToS3.puts += puts;
    tally.requestsToS3.gets += gets;
    await busy(seconds);
    return answer;
  };
}

function textOf(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  throw new TypeError('A text was expected.');
}

function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function protectable(number: number): ServerProtectable {
  const id = uuidOf(number);
  const image = uuidOf(900_000);
  return {
    type: 'OS::Nova::Server',
    id,
    name: `application-server-${String(number)}.production.example.org`,
    extra_info: {
      status: 'ACTIVE',
      availability_zone: 'nova',
      tags: ['nightly', 'gold'],
      project_id: '0'.repeat(32),
    },
    children: [
      {
        type: 'OS::Glance::Image',
        id: image,
        name: 'debian-12',
        extra_info: { server_id: id },
        children: [],
      },
    ],
  };
}

function backupStubs(stage: Stage): Record<string, Stub> {
  const { scenario, clock, work, tally } = stage;
  const { servers, diskBytes, changed } = scenario;
  return {
    async ListProtectables({ execution }, { busy, context }) {
      const items = Array.from({ length: servers }, (_, number) => protectable(number));
      const itemsKey = await putItems(work, textOf(execution), items, context.signal);
      tally.requestsToS3.puts += 1;
      // A page of a thousand takes Nova some seconds.
      await busy(2 + (servers / 1000) * 4);
      const { serversAtOnce } = scenario;
      return {
        itemsKey,
        count: servers,
        serversAtOnce,
        enableServerSnapshot: null,
        includeVolumes: false,
        stop: false,
        plan: null,
      };
    },
    Sweep: brief(stage, 5, 4, 10, { deletedImageIds: [], abortedUploads: 0 }),
    async OpenCheckpoint({ item }, { busy }) {
      const { id } = item as unknown as ServerProtectable;
      tally.requestsToS3.puts += 3;
      tally.requestsToS3.gets += 10;
      await busy(3);
      return {
        checkpoint: `${id.slice(-12)}${'0'.repeat(12)}`,
        state: 'OPEN',
        serverId: id,
        bootImageId: uuidOf(900_000),
        enableServerSnapshot: true,
        disks: [{ disk: 0, volumeId: null }],
      };
    },
    async CreateServerSnapshot(_payload, { busy }) {
      tally.requestsToS3.gets += 2;
      await busy(3);
      return {
        imageId: uuidOf(500_000),
        requestId: `req-${uuidOf(1)}`,
        startedAt: new Date(clock.now()).toISOString(),
        deadlineSeconds: 3600 + Math.round((diskBytes / GIB) * 128),
        idleSince: null,
        tries: 1,
      };
    },
    async PollImage({ snapshot }, { busy }) {
      await busy(1);
      const { startedAt } = snapshot as { startedAt: string };
      const elapsedSeconds = (clock.now() - Date.parse(startedAt)) / 1000;
      tally.requestsToS3.gets += 2;
      // A store takes an image at some 200 MB/s.
      const ready = elapsedSeconds > 20 + diskBytes / 200_000_000;
      return { ready, waitSeconds: nextWaitSeconds(startedAt, clock.now()), snapshot };
    },
    async PlanUpload(_payload, { busy }) {
      tally.requestsToS3.puts += 1;
      tally.requestsToS3.gets += 2;
      await busy(3);
      const ranges = rangesOf(Math.ceil(diskBytes / GIB));
      return {
        reading: 'ranges',
        ranges,
        rangesAtOnce: scenario.rangesAtOnce,
        fitsFunction: false,
      };
    },
    UploadRange: uploadRange(stage),
    ExtendRetention: brief(stage, 1, 0, 3, { extended: 0 }),
    async CommitCheckpoint({ checkpoint: committed }, { busy }) {
      const segments = Math.ceil(diskBytes / GIB);
      tally.requestsToS3.puts += 3;
      tally.requestsToS3.gets += segments + 8;
      // Receipts are read sixteen at a time.
      await busy(3 + (segments / 16) * 0.05);
      return { checkpoint: committed };
    },
    DeleteServerSnapshot: brief(stage, 3, 2 + Math.ceil(diskBytes / GIB / 1000), 0, {
      done: true,
      startedAt: new Date(0).toISOString(),
      waitSeconds: 1,
      deletedImageIds: [uuidOf(500_000)],
    }),
    async SummariseBackup({ execution }, { busy }) {
      tally.requestsToS3.puts += 1;
      tally.requestsToS3.gets += servers + 4;
      await busy(5 + (servers / 16) * 0.1);
      return {
        total: servers,
        succeeded: servers,
        failed: 0,
        readBytes: servers * diskBytes,
        newBytes: servers * diskBytes * changed,
        storedBytes: servers * diskBytes * changed * COMPRESSION,
        outcomesKey: `outcomes/${executionKey(textOf(execution))}.json`,
        failures: [],
      };
    },
  };
}

/** Goes on, as the real one, behind the segments that an earlier worker of the range finished. */
function uploadRange({ scenario, tally }: Stage): Stub {
  const finished = new Set<string>();
  const storedBytes = GIB * scenario.changed * COMPRESSION;
  return async ({ checkpoint, range }, { busy, context }) => {
    const { first, count } = range as { first: number; count: number };
    tally.requestsToS3.gets += 6;
    await busy(2);
    for (let segment = first; segment < first + count; segment += 1) {
      const key = `${textOf(checkpoint)}/${String(segment)}`;
      if (finished.has(key)) continue;
      if (context.getRemainingTimeInMillis() < TIME_LEFT_MILLISECONDS.segment) {
        throw new RangeUnfinished(`Segment ${String(segment)} is left for the next worker.`);
      }
      await busy(SEGMENT_SECONDS);
      tally.requestsToS3.puts += 2 + Math.ceil(storedBytes / PACK_BYTES);
      tally.requestsToS3.gets += 2;
      finished.add(key);
    }
    return { written: count };
  };
}

function restoreStubs(stage: Stage): Record<string, Stub> {
  const { scenario, clock, work, tally } = stage;
  const { diskBytes } = scenario;
  const plan = {
    restoreId: 'a'.repeat(32),
    checkpoint: '0'.repeat(24),
    planOnly: false,
    imageOnly: false,
    check: true,
    import: 'web-download',
    partsAtOnce: scenario.partsAtOnce,
    disk: 0,
    image: { fileSizeBytes: diskBytes, guestSizeBytes: diskBytes },
    volumes: [],
  };
  return {
    PlanRestore: brief(stage, 5, 1, 12, plan),
    CreateImage: brief(stage, 2, 0, 0, { imageId: uuidOf(1) }),
    async OpenAssembly(_payload, { busy, context }) {
      await busy(1);
      tally.requestsToS3.puts += 1;
      return await startAssembly(work, plan as unknown as RestorePlan, context.signal);
    },
    async AssembleRange({ assembly, range }, { busy, context }) {
      await busy(2);
      for (const part of partsOf(assembly as unknown as Assembly, range as unknown as PartRange)) {
        if (context.getRemainingTimeInMillis() < TIME_LEFT_MILLISECONDS.part) {
          throw new RangeUnfinished(`Part ${String(part.number)} is left.`);
        }
        await busy(part.sizeBytes / BYTES_PER_SECOND);
        tally.requestsToS3.puts += 1;
        // Packs are read in pieces of about 8 MiB.
        tally.requestsToS3.gets += Math.ceil((part.sizeBytes * COMPRESSION) / (8 * MIB));
      }
      return { parts: (range as unknown as PartRange).count };
    },
    async ImportImage(_payload, { busy }) {
      await busy(20);
      tally.requestsToS3.puts += 1;
      return { startedAt: new Date(clock.now()).toISOString() };
    },
    async PollImport({ startedAt }, { busy }) {
      await busy(1);
      const elapsedSeconds = (clock.now() - Date.parse(textOf(startedAt))) / 1000;
      const waitSeconds = nextWaitSeconds(textOf(startedAt), clock.now());
      return { ready: elapsedSeconds > diskBytes / 200_000_000, waitSeconds };
    },
    PlanCheck: brief(stage, 2, 0, 4, { checks: rangesOf(Math.ceil(diskBytes / GIB)) }),
    async CheckRange({ range }, { busy }) {
      const { count } = range as { count: number };
      tally.requestsToS3.gets += 2 * count;
      await busy(2 + count * SEGMENT_SECONDS);
      return {};
    },
    CreateServer: brief(stage, 3, 0, 2, { serverId: uuidOf(2) }),
    PollServer: brief(stage, 1, 0, 0, { ready: true, volumes: [], waitSeconds: 1 }),
    CloseRestore: brief(stage, 3, 2, 2, {
      checkpoint: plan.checkpoint,
      imageId: uuidOf(1),
      serverId: uuidOf(2),
      bytes: diskBytes,
      identical: true,
      volumes: [],
      notRestored: [],
      warnings: [],
    }),
  };
}
