import { InvalidInput } from '../../errors.ts';
import type { CallOptions } from '../store/object-store.ts';
import { CheckpointAmbiguous, CheckpointNotFound } from './errors.ts';
import { CheckpointId, serverKeyIn } from './ids.ts';
import { listCheckpoints, listKeys } from './list-checkpoints.ts';
import type { CheckpointRecord } from './record.ts';
import { readRecord } from './records.ts';
import type { Register } from './register.ts';

export interface FindOptions extends CallOptions {
  /**
   * Other words by which a record's server may be called, such as its name, for whoever can read summaries. The server's id and key
   * are always words for it.
   */
  callNames?: (record: CheckpointRecord) => Promise<readonly string[]>;
  /** Among which `<server>@latest` looks for the newest. Default COMMITTED. */
  latestIn?: CheckpointRecord['state'];
}

const PREFIX = /^[0-9a-f]{1,24}$/;
const LATEST = '@latest';
/** Candidates that an error lists. */
const SHOWN_CANDIDATES = 10;

/**
 * The checkpoint that a person means: an id, the unique beginning of one, or `<server>@latest`, the newest of a server that is COMMITTED,
 * or in another state if that is asked for. A beginning finds checkpoints in every state. Throws `CheckpointNotFound`, or `CheckpointAmbiguous` with the candidates.
 */
export async function findCheckpoint(
  register: Register,
  reference: string,
  { callNames = async () => [], latestIn = 'COMMITTED', ...options }: FindOptions = {},
): Promise<CheckpointRecord> {
  if (reference.endsWith(LATEST)) {
    const server = reference.slice(0, -LATEST.length);
    return await findLatest(register, server, { callNames, latestIn, ...options });
  }
  if (!PREFIX.test(reference)) {
    throw new InvalidInput(
      `"${reference}" names no checkpoint: give the first digits of its id, or <server>${LATEST}.`,
    );
  }
  return CheckpointId.safeParse(reference).success
    ? await readExisting(register, reference, options)
    : await findByBeginning(register, reference, options);
}

async function readExisting(
  register: Register,
  checkpoint: string,
  options: CallOptions,
): Promise<CheckpointRecord> {
  const head = await readRecord(register, checkpoint, options);
  if (head.kind === 'live') return head.value;
  const why = head.kind === 'buried' ? 'has been removed' : 'is not in this bank';
  throw new CheckpointNotFound(`Checkpoint ${checkpoint} ${why}.`, { identifiers: { checkpoint } });
}

async function findByBeginning(
  register: Register,
  beginning: string,
  options: CallOptions,
): Promise<CheckpointRecord> {
  const found: CheckpointRecord[] = [];
  for await (const { checkpoint } of listKeys(register, options)) {
    if (!checkpoint.startsWith(beginning)) continue;
    const head = await readRecord(register, checkpoint, options);
    if (head.kind === 'live') found.push(head.value);
  }
  return onlyOne(found, `begins with "${beginning}"`);
}

async function findLatest(
  register: Register,
  server: string,
  {
    callNames,
    latestIn,
    ...options
  }: FindOptions & Required<Pick<FindOptions, 'callNames' | 'latestIn'>>,
): Promise<CheckpointRecord> {
  const newest = new Map<string, CheckpointRecord>();
  for await (const record of listCheckpoints(register, options)) {
    if (record.state !== latestIn) continue;
    const { cloud, region, projectId, serverId } = record.server;
    const words = [serverId, serverKeyIn(record.checkpoint), ...(await callNames(record))];
    if (!words.includes(server)) continue;
    const identity = [cloud, region, projectId, serverId].join('\0');
    const known = newest.get(identity);
    if (known === undefined || known.createdAt < record.createdAt) newest.set(identity, record);
  }
  return onlyOne(
    [...newest.values()],
    `is the latest ${latestIn} one of a server called "${server}"`,
  );
}

function onlyOne(found: readonly CheckpointRecord[], what: string): CheckpointRecord {
  const [record] = found;
  if (record === undefined) throw new CheckpointNotFound(`No checkpoint ${what}.`);
  if (found.length === 1) return record;
  const shown = found
    .slice(0, SHOWN_CANDIDATES)
    .map(({ checkpoint, state, createdAt, server }) =>
      [checkpoint, state, createdAt, server.serverId].join(' '),
    );
  if (found.length > shown.length) shown.push('…');
  throw new CheckpointAmbiguous(
    `${found.length} checkpoints answer: each ${what}.\n  ${shown.join('\n  ')}`,
  );
}
