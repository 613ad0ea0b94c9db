import type { CallOptions } from '../store/object-store.ts';
import { serverKeyOf } from './ids.ts';
import { sameServer, type ServerIdentity } from './identity.ts';
import { isAlive } from './lease.ts';
import { listHeads } from './list-checkpoints.ts';
import type { CommittedRecord, OpenRecord } from './record.ts';
import type { RecordHead } from './records.ts';
import type { Register } from './register.ts';

/** What the register holds of one server, read by one list that began after the call. */
export interface ServerSurvey {
  /** By checkpoint, buried ones too. */
  readonly heads: ReadonlyMap<string, RecordHead>;
  /** The newest first, by their own dates: names say nothing about time. */
  readonly committed: readonly CommittedRecord[];
  readonly open: readonly OpenRecord[];
}

export async function surveyServer(
  register: Register,
  server: ServerIdentity,
  options: CallOptions = {},
): Promise<ServerSurvey> {
  const heads = new Map<string, RecordHead>();
  const committed: CommittedRecord[] = [];
  const open: OpenRecord[] = [];
  const serverKey = serverKeyOf(register.nameKey, server);
  for await (const { checkpoint, head } of listHeads(register, { ...options, serverKey })) {
    heads.set(checkpoint, head);
    // Two servers may have one key; the identity tells them apart.
    if (head.kind !== 'live' || !sameServer(head.value.server, server)) continue;
    if (head.value.state === 'COMMITTED') committed.push(head.value);
    if (head.value.state === 'OPEN') open.push(head.value);
  }
  committed.sort(byAgeThenId);
  return { heads, committed, open };
}

/** An open checkpoint of another execution that is alive, as far as can be known. */
export async function findRival(
  register: Register,
  survey: ServerSurvey,
  execution: string,
): Promise<OpenRecord | undefined> {
  for (const record of survey.open) {
    if (record.execution.id === execution) continue;
    if (await isAlive(register, record)) return record;
  }
  return undefined;
}

function byAgeThenId(one: CommittedRecord, other: CommittedRecord): number {
  const age = Date.parse(other.createdAt) - Date.parse(one.createdAt);
  if (age !== 0) return age;
  return one.checkpoint < other.checkpoint ? 1 : -1;
}
