import type { CallOptions } from '../store/object-store.ts';
import { serverKeyOf } from './ids.ts';
import { sameServer, type ServerIdentity } from './identity.ts';
import { mapInOrder } from './in-order.ts';
import { isAlive } from './lease.ts';
import { type ListedRecord, listKeys } from './list-checkpoints.ts';
import type { OpenRecord, RecordState } from './record.ts';
import { type RecordHead, recordSeries } from './records.ts';
import type { Register } from './register.ts';
import { readListed } from './series.ts';
import { readSurveyNote, type Settled, writeSurveyNote } from './survey-note.ts';

/** Records read at once while listing. */
const READS_AT_ONCE = 16;

/** What the register holds of one server, by one list that began after the call. */
export interface ServerSurvey {
  /** By checkpoint, buried ones too. */
  readonly states: ReadonlyMap<string, RecordState | Exclude<RecordHead['kind'], 'live'>>;
  /** The newest first, by their own dates: names say nothing about time. */
  readonly committed: readonly string[];
  readonly open: readonly OpenRecord[];
  /** What a later survey need not read again. */
  readonly settled: ReadonlyMap<string, Settled>;
}

export interface SurveyOptions extends CallOptions {
  /** One of the same server: what it has read is not read again. Without it a note says what was read before. */
  earlier?: ServerSurvey;
}

/**
 * Lists the server's records, and reads those that are OPEN or have a higher generation than when they were last read. So a survey costs
 * a list, which is a request for a thousand generations, and what has changed, however many checkpoints there are.
 */
export async function surveyServer(
  register: Register,
  server: ServerIdentity,
  { earlier, ...options }: SurveyOptions = {},
): Promise<ServerSurvey> {
  const known = earlier?.settled ?? (await readSurveyNote(register, server, options));
  const states = new Map<string, RecordState | Exclude<RecordHead['kind'], 'live'>>();
  const settled = new Map<string, Settled>();
  const open: OpenRecord[] = [];
  let hasLearned = false;
  const keys = listKeys(register, { ...options, serverKey: serverKeyOf(register.nameKey, server) });
  const looks = mapInOrder(
    keys,
    READS_AT_ONCE,
    async (listed) => await look(register, listed, known, options),
  );
  for await (const { checkpoint, noted, head } of looks) {
    if (noted !== undefined) {
      settled.set(checkpoint, noted);
      states.set(checkpoint, noted.state);
      continue;
    }
    states.set(checkpoint, head.kind === 'live' ? head.value.state : head.kind);
    // Two servers may have one key; the identity tells them apart.
    if (head.kind !== 'live' || !sameServer(head.value.server, server)) continue;
    const { state, createdAt } = head.value;
    if (state === 'OPEN') {
      open.push(head.value);
    } else {
      settled.set(checkpoint, { generation: head.generation, state, createdAt });
      hasLearned = true;
    }
  }
  if (hasLearned) await writeSurveyNote(register, server, settled, options);
  return { states, committed: newestFirst(settled), open, settled };
}

type Look = { readonly checkpoint: string } & (
  | { readonly noted: Settled; readonly head?: undefined }
  | { readonly noted?: undefined; readonly head: RecordHead }
);

/**
 * What is noted of the generation that was listed as the highest holds without a read: whoever noted it has read it, and as no
 * tombstone was listed, nothing of the series had been deleted by then that a late write could have created anew.
 */
async function look(
  register: Register,
  { checkpoint, generation }: ListedRecord,
  known: ReadonlyMap<string, Settled>,
  options: CallOptions,
): Promise<Look> {
  const noted = known.get(checkpoint);
  if (noted?.generation === generation) return { checkpoint, noted };
  return {
    checkpoint,
    head: await readListed(recordSeries(register, checkpoint), generation, options),
  };
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

function newestFirst(settled: ReadonlyMap<string, Settled>): string[] {
  return [...settled]
    .filter(([, { state }]) => state === 'COMMITTED')
    .sort(byAgeThenId)
    .map(([checkpoint]) => checkpoint);
}

function byAgeThenId([id, one]: [string, Settled], [otherId, other]: [string, Settled]): number {
  const age = Date.parse(other.createdAt) - Date.parse(one.createdAt);
  if (age !== 0) return age;
  return id < otherId ? 1 : -1;
}
