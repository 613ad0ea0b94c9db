import type { CallOptions } from '../store/object-store.ts';
import { abandonCheckpoint } from './abandon-checkpoint.ts';
import { chooseAncestor, confirmAncestor } from './ancestor.ts';
import { BackupInProgress, BaseInProgress, CheckpointFenced } from './errors.ts';
import { comingBase } from './first-of-image.ts';
import { type BootImage, checkpointIdOf } from './ids.ts';
import type { ServerIdentity } from './identity.ts';
import { DEFAULT_LEASE_SECONDS, fenced, newLease, renewed } from './lease.ts';
import type { Ancestor, CommittedRecord, Execution, OpenRecord } from './record.ts';
import { changeRecord, type RecordDraft, type RecordHead } from './records.ts';
import type { Register } from './register.ts';
import { findRival, type ServerSurvey, surveyServer } from './server-survey.ts';
import { FORMAT_VERSION } from '../format-version.ts';

export interface CheckpointRequest extends CallOptions {
  execution: Execution;
  server: ServerIdentity;
  /** Leads to a base for a server's first checkpoint. */
  bootImage?: BootImage;
  /** A server's first checkpoint gives way (`BaseInProgress`) while the first one of its boot image is made. Default: it does not. */
  waitForBase?: boolean;
  /** What listings show of the checkpoint while it is made; see `CheckpointRecord`. */
  summary?: string;
  /** Default: an hour. */
  leaseSeconds?: number;
}

/** Times an execution tries again beside another one that came at the same moment. */
const MAX_TRIES = 5;
const FIRST_WAIT_MILLISECONDS = 500;
/** A rival that has been open for longer did not come at the same moment: there is no use in waiting for it. */
const SAME_MOMENT_MILLISECONDS = 60_000;

/**
 * The execution's checkpoint of the server: created OPEN, or found OPEN from an earlier call and adopted, or found COMMITTED and
 * returned as such. What an open one builds on is its confirmed pin (`ancestorOf`).
 *
 * Only one execution at a time has a live open checkpoint of a server. Each creates its record first and looks for others then, so
 * that of two that come together at least one sees the other; who sees another ends its own and tries again after a random wait.
 * Throws `BackupInProgress` when the other one stays, and `BaseInProgress`. An execution whose checkpoint was aborted or removed gets a new one.
 */
export async function openCheckpoint(
  register: Register,
  request: CheckpointRequest,
): Promise<OpenRecord | CommittedRecord> {
  const options = request.signal === undefined ? {} : { signal: request.signal };
  for (let tries = 1; ; tries++) {
    try {
      return await tryToOpen(register, request, options);
    } catch (error) {
      if (tries >= MAX_TRIES || !mayPass(register, error)) throw error;
      await register.clock.sleep(randomWait(register, tries), request.signal);
    }
  }
}

async function tryToOpen(
  register: Register,
  request: CheckpointRequest,
  options: CallOptions,
): Promise<OpenRecord | CommittedRecord> {
  const { execution, server, bootImage } = request;
  const before = await surveyServer(register, server, options);
  const checkpoint = ownCheckpoint(register, request, before);
  if (before.states.get(checkpoint) === undefined) {
    const rival = await findRival(register, before, execution.id);
    if (rival !== undefined) throw inProgress(request, rival);
    if (request.waitForBase === true && bootImage !== undefined && before.committed.length === 0) {
      const coming = await comingBase(register, bootImage, checkpoint, options);
      if (coming !== undefined) throw new BaseInProgress(server, coming);
    }
  }
  const ancestor = await chooseAncestor(register, before, bootImage, options);
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => opening(register, request, checkpoint, ancestor, current),
    options,
  );
  if (head.kind !== 'live') throw fenced(checkpoint, head);
  if (head.value.state === 'COMMITTED') return head.value;
  if (head.value.state !== 'OPEN') throw fenced(checkpoint, head);

  const after = await surveyServer(register, server, { earlier: before, ...options });
  const rival = await findRival(register, after, execution.id);
  if (rival === undefined) return await confirmAncestor(register, head.value, bootImage, options);
  const error = inProgress(request, rival);
  // A record that stood here before this call may be worked on: it gives way only to a rival that stays.
  if (head.generation === 0 || !mayPass(register, error)) {
    const reason = `execution ${rival.execution.id} is backing up the same server`;
    await abandonCheckpoint(register, checkpoint, { reason, ...options });
  }
  throw error;
}

/** The first of the execution's checkpoints that is not over: no record yet, or one that is OPEN or COMMITTED. */
function ownCheckpoint(
  { nameKey }: Register,
  { execution, server }: CheckpointRequest,
  survey: ServerSurvey,
): string {
  for (let attempt = 0; ; attempt++) {
    const checkpoint = checkpointIdOf(nameKey, execution.id, server, attempt);
    const state = survey.states.get(checkpoint);
    if (state === undefined || state === 'OPEN' || state === 'COMMITTED') return checkpoint;
  }
}

/** The record to create, or the one that stands with this execution's process and a fresh lease. */
function opening(
  register: Register,
  { execution, server, summary, leaseSeconds = DEFAULT_LEASE_SECONDS }: CheckpointRequest,
  checkpoint: string,
  ancestor: Ancestor | undefined,
  current: RecordHead,
): RecordDraft | undefined {
  if (current.kind === 'buried') return undefined;
  if (current.kind === 'live') {
    return current.value.state === 'OPEN'
      ? { ...renewed(register, current.value), execution }
      : undefined;
  }
  const lease = newLease(register, leaseSeconds);
  return {
    version: FORMAT_VERSION,
    checkpoint,
    server,
    createdAt: lease.renewedAt,
    execution,
    ...(summary === undefined ? {} : { summary }),
    state: 'OPEN',
    pins: ancestor === undefined ? [] : [ancestor],
    lease,
  };
}

function inProgress({ server, execution }: CheckpointRequest, rival: OpenRecord): BackupInProgress {
  return new BackupInProgress(
    `Server ${server.serverId} is being backed up by execution ${rival.execution.id} (checkpoint ${rival.checkpoint}, since ${rival.createdAt}); execution ${execution.id} gave way.`,
    rival,
  );
}

/** Whether the same call may succeed in a moment. */
function mayPass(register: Register, error: unknown): boolean {
  if (error instanceof CheckpointFenced) return true;
  return (
    error instanceof BackupInProgress &&
    register.clock.now() - error.openSince.getTime() < SAME_MOMENT_MILLISECONDS
  );
}

/** From half the base to one and a half of it, the base doubling with each try. */
function randomWait({ randomHex }: Register, tries: number): number {
  const fraction = Number.parseInt(randomHex(4), 16) / 0x1_0000_0000;
  return FIRST_WAIT_MILLISECONDS * 2 ** (tries - 1) * (0.5 + fraction);
}
