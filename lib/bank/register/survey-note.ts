import * as z from 'zod';
import { FORMAT_VERSION } from '../format-version.ts';
import { getIfThere } from '../store/get-if-there.ts';
import type { CallOptions } from '../store/object-store.ts';
import { CheckpointId, surveyNoteKey } from './ids.ts';
import type { ServerIdentity } from './identity.ts';
import { RecordState } from './record.ts';
import type { Register } from './register.ts';
import { decodeSigned, encodeSigned } from './signed-json.ts';

const SettledState = RecordState.exclude(['OPEN']);

const SurveyNote = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  settled: z.array(z.tuple([CheckpointId, z.int().nonnegative(), SettledState, z.iso.datetime()])),
});

/** What one generation of a record that is not OPEN says, as far as a survey needs it. */
export interface Settled {
  readonly generation: number;
  readonly state: z.infer<typeof SettledState>;
  readonly createdAt: string;
}

/**
 * Keeps what a survey read, so that the next one need not. It cannot mislead: a generation never changes, and of a note only that counts whose generation
 * is still the highest in a list without tombstone. It may be overwritten by an older one, or be missing; that costs reads.
 */
export async function writeSurveyNote(
  register: Register,
  server: ServerIdentity,
  settled: ReadonlyMap<string, Settled>,
  options: CallOptions = {},
): Promise<void> {
  const key = surveyNoteKey(register.nameKey, server);
  const note: z.infer<typeof SurveyNote> = {
    version: FORMAT_VERSION,
    settled: [...settled].map(([checkpoint, { generation, state, createdAt }]) => [
      checkpoint,
      generation,
      state,
      createdAt,
    ]),
  };
  await register.store.put(key, encodeSigned(register.nameKey, key, note), options);
}

/** By checkpoint; empty where there is no note, or none that can be read. */
export async function readSurveyNote(
  register: Register,
  server: ServerIdentity,
  options: CallOptions = {},
): Promise<ReadonlyMap<string, Settled>> {
  const key = surveyNoteKey(register.nameKey, server);
  const bytes = await getIfThere(register.store, key, options);
  if (bytes === undefined) return new Map();
  try {
    const { settled } = SurveyNote.parse(decodeSigned(register.nameKey, key, bytes));
    return new Map(
      settled.map(([checkpoint, generation, state, createdAt]) => [
        checkpoint,
        { generation, state, createdAt },
      ]),
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    register.log.warn('The note of a survey cannot be read and is left aside', { key, reason });
    return new Map();
  }
}

/** Where records are made anew no note may count any more. Safe to repeat. */
export async function forgetSurveyNotes(
  { store }: Register,
  options: CallOptions = {},
): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list('surveys/', options)) keys.push(key);
  if (keys.length > 0) await store.delete(keys, options);
}
