import * as z from 'zod';
import { Digest } from '../object-ref.ts';
import { CheckpointId } from './ids.ts';
import { ServerIdentity } from './identity.ts';
import { FORMAT_VERSION } from '../format-version.ts';

export const RecordState = z.enum(['OPEN', 'COMMITTED', 'ABORTED', 'DELETING', 'COLLECTING']);
export type RecordState = z.infer<typeof RecordState>;

/**
 * Where a record may go from each state. A step within a state renews a lease, changes pins, notes a proof, or claims the checkpoint and
 * replaces its root. From ABORTED and COLLECTING a record only goes into its grave: no write ever makes it live again.
 */
export const transitions: Readonly<Record<RecordState, readonly RecordState[]>> = {
  OPEN: ['OPEN', 'COMMITTED', 'ABORTED'],
  COMMITTED: ['COMMITTED', 'DELETING'],
  DELETING: ['COMMITTED', 'COLLECTING'],
  ABORTED: [],
  COLLECTING: [],
};

/** Where a root lies, and the SHA-256 of its stored bytes. */
export const RootReference = z.strictObject({
  key: z.string().min(1).max(512),
  digest: Digest,
});
export type RootReference = Readonly<z.infer<typeof RootReference>>;

/** Holds a checkpoint for whoever reads from it: the root is named too, because a checkpoint can get another one. */
export const Pin = z.strictObject({ checkpoint: CheckpointId, root: RootReference });
export type Pin = Readonly<z.infer<typeof Pin>>;

/**
 * The pin on what an open checkpoint builds on: the server's checkpoint before it, or for a server's first one of the same boot image.
 * Taken from only when `confirmed`: the ancestor's record was read again after the pin was written, and was COMMITTED with this root.
 * A confirmed pin stays as long as the record is OPEN; one that is not may be exchanged.
 */
export const Ancestor = z.strictObject({
  ...Pin.shape,
  as: z.enum(['parent', 'base']),
  confirmed: z.boolean(),
});
export type Ancestor = Readonly<z.infer<typeof Ancestor>>;

/** `renewedAt` by the clock of whoever renewed. When it ran out the checkpoint may be fenced; nothing else follows from it. */
export const Lease = z.strictObject({
  renewedAt: z.iso.datetime(),
  seconds: z.int().positive(),
});
export type Lease = Readonly<z.infer<typeof Lease>>;

/** The process that runs an embedded execution, known well enough to tell it from a later one with the same pid. */
export const ExecutionProcess = z.strictObject({
  host: z.string().min(1),
  /** Changes with every start of the machine. */
  bootId: z.string().min(1),
  /** Pids mean something only within one of these; two containers of one host have two. */
  pidNamespace: z.string().min(1),
  pid: z.int().positive(),
  /** Clock ticks since the machine's start, as the kernel counts them. */
  startTicks: z.string().regex(/^[0-9]+$/),
});
export type ExecutionProcess = Readonly<z.infer<typeof ExecutionProcess>>;

export const Execution = z.strictObject({
  id: z.string().min(1).max(2048),
  process: ExecutionProcess.exactOptional(),
});
export type Execution = Readonly<z.infer<typeof Execution>>;

/**
 * A compaction is about to give the checkpoint another root. All that carries the prefix of the checkpoint, or of `writesAs`, is live while
 * the claim stands. It goes when the checkpoint is pruned or its lease ran out, and its id never comes again.
 */
export const Claim = z.strictObject({
  /** Random. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  execution: Execution,
  /** The checkpoint by whose prefix the compaction writes what several checkpoints are to share. */
  writesAs: CheckpointId,
  lease: Lease,
});
export type Claim = Readonly<z.infer<typeof Claim>>;

const common = {
  version: z.literal(FORMAT_VERSION),
  checkpoint: CheckpointId,
  server: ServerIdentity,
  createdAt: z.iso.datetime(),
  execution: Execution,
  /** When the record came into its state, by the clock of whoever brought it there. */
  since: z.iso.datetime(),
  /** Random, of the write that made this generation. */
  writeId: z.string().min(1),
  /** What listings show (server name, sizes, label): text that the register does not look into, sealed where the bank is. */
  summary: z.string().max(65_536).exactOptional(),
};

const rooted = {
  ...common,
  root: RootReference,
  /** What the root says; for lists. */
  lockedUntil: z.iso.datetime().exactOptional(),
  lastProven: z
    .strictObject({ at: z.iso.datetime(), how: z.string().min(1).max(64) })
    .exactOptional(),
  /** When a compaction gave it this root, and by which claim. */
  compacted: z.strictObject({ at: z.iso.datetime(), claim: Claim.shape.id }).exactOptional(),
};

/** One generation of a checkpoint's record, as it lies in the register. */
export const CheckpointRecord = z.discriminatedUnion('state', [
  z.strictObject({
    ...common,
    state: z.literal('OPEN'),
    pins: z.array(Ancestor),
    lease: Lease,
  }),
  z.strictObject({ ...common, state: z.literal('ABORTED'), reason: z.string() }),
  z.strictObject({ ...rooted, state: z.literal('COMMITTED'), claim: Claim.exactOptional() }),
  z.strictObject({ ...rooted, state: z.literal('DELETING') }),
  z.strictObject({ ...rooted, state: z.literal('COLLECTING') }),
]);
export type CheckpointRecord = Readonly<z.infer<typeof CheckpointRecord>>;
export type RecordIn<State extends RecordState> = Extract<CheckpointRecord, { state: State }>;
export type OpenRecord = RecordIn<'OPEN'>;
export type CommittedRecord = RecordIn<'COMMITTED'>;
/** A record whose checkpoint can be read. */
export type ReadableRecord = RecordIn<'COMMITTED' | 'DELETING'>;

/** What the checkpoint may refer to beside its own objects. */
export function ancestorOf(record: OpenRecord): Ancestor | undefined {
  return record.pins.find(({ confirmed }) => confirmed);
}

/** A record that names a root. */
export type RootedRecord = RecordIn<'COMMITTED' | 'DELETING' | 'COLLECTING'>;

export function isRooted(record: CheckpointRecord): record is RootedRecord {
  return record.state !== 'OPEN' && record.state !== 'ABORTED';
}
