import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import { surveyNoteKey } from '../../../../lib/bank/register/ids.ts';
import { listHeads } from '../../../../lib/bank/register/list-checkpoints.ts';
import {
  buryRecord,
  noteProof,
  pruneCheckpoint,
  startCollecting,
  undeleteCheckpoint,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { ancestorOf } from '../../../../lib/bank/register/record.ts';
import { readRecord } from '../../../../lib/bank/register/records.ts';
import type { Register } from '../../../../lib/bank/register/register.ts';
import { generationKey } from '../../../../lib/bank/register/series.ts';
import { surveyServer } from '../../../../lib/bank/register/server-survey.ts';
import { countedRequests } from '../store/counted-requests.ts';
import { memoryStore } from '../store/memory-store.ts';
import { all, aRegister, aRoot, aServer, committed, opened } from './a-register.ts';

describe('surveyServer', () => {
  it('asks no more of the store with 300 checkpoints than with 3', async () => {
    const { register, requests } = counted();
    const backUp = async (execution: string) => {
      const before = requests();
      await committed(register, execution);
      await register.clock.advance(1000);
      return requests() - before;
    };
    for (let made = 0; made < 3; made += 1) await backUp(`few-${String(made)}`);

    const few = await backUp('one more of few');
    for (let made = 4; made < 300; made += 1) await backUp(`many-${String(made)}`);
    const many = await backUp('one more of many');

    expect(few).toBeLessThan(40);
    expect(many).toBe(few);
  });

  it('reads all once where there is no note, and notes it for the next one', async () => {
    const { register, requests } = counted();
    for (const execution of ['e1', 'e2', 'e3', 'e4', 'e5']) await committed(register, execution);
    const key = surveyNoteKey(register.nameKey, aServer());
    await register.store.delete([key]);
    const survey = async () => {
      const before = requests();
      const found = await surveyServer(register, aServer());
      return { found, requests: requests() - before };
    };

    const first = await survey();
    const second = await survey();

    expect(first.found.committed).toHaveLength(5);
    expect(second.found).toEqual(first.found);
    // The note and the list, for each record it and the look for its tombstone, and the new note.
    expect(first.requests).toBe(2 + 5 * 2 + 1);
    expect(second.requests).toBe(2);
  });

  it('sees what all the records say, whatever happened to them, and whatever older note a slower survey left', async () => {
    const happenings = array(
      record({
        what: constantFrom(...Object.keys(steps)),
        which: nat(5),
        survey: constantFrom('none', 'full', 'late' as const),
      }),
      { minLength: 10, maxLength: 40 },
    );
    await assert(
      asyncProperty(happenings, async (events) => {
        const register = aRegister();
        const key = surveyNoteKey(register.nameKey, aServer());
        const checkpoints: string[] = [];
        let old: Uint8Array | undefined;
        for (const { what, which, survey } of events) {
          await steps[what]?.(register, checkpoints, which);
          await register.clock.advance(1000);
          if (survey === 'none') continue;
          if (survey === 'late' && old !== undefined) await register.store.put(key, old);
          expect(await surveyed(register)).toEqual(await allRead(register));
          old = await register.store.get(key).catch(() => old);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('leaves aside a note that somebody without a key of the bank wrote', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const key = surveyNoteKey(register.nameKey, aServer());
    await surveyServer(register, aServer());
    const note = Buffer.from(await register.store.get(key)).toString();
    expect(note).toContain('"COMMITTED"');
    await register.store.put(key, Buffer.from(note.replace('COMMITTED', 'ABORTED')));

    expect((await surveyServer(register, aServer())).committed).toEqual([checkpoint]);
  });

  it('builds on the checkpoint before it where the newest goes while it is looked at', async () => {
    const register = aRegister();
    const older = await committed(register, 'e1');
    await register.clock.advance(1000);
    const newer = await committed(register, 'e2');
    await register.clock.advance(1000);
    await surveyServer(register, aServer());
    let lists = 0;
    const store = {
      ...register.store,
      async *list(...[prefix, options]: Parameters<typeof register.store.list>) {
        yield* register.store.list(prefix, options);
        // The first survey is over; the record of the newest has not been read.
        lists += 1;
        if (lists === 1) await pruneCheckpoint(register, newer.checkpoint);
      },
    };

    const built = await opened({ ...register, store }, 'e3');

    expect(ancestorOf(built)?.checkpoint).toBe(older.checkpoint);
  });
});

function counted() {
  const store = countedRequests(memoryStore());
  return { register: aRegister({ store }), requests: store.requests };
}

/** What may happen to the server's records between two surveys; what is not possible does not happen. */
const steps: Readonly<
  Record<string, (register: Register, checkpoints: string[], which: number) => Promise<void>>
> = {
  async open(register, checkpoints, which) {
    // Of one execution: so a lapsed one is not in the way.
    const execution = `e${String(checkpoints.length)}`;
    await ifPossible(async () => {
      const { checkpoint } = await opened(register, execution, { leaseSeconds: 1 + which });
      checkpoints.push(checkpoint);
    });
  },
  async commit(register, checkpoints) {
    const checkpoint = checkpoints.at(-1);
    if (checkpoint === undefined) return;
    await ifPossible(() => commitCheckpoint(register, checkpoint, { root: aRoot(checkpoint) }));
  },
  abandon: change((register, checkpoint) =>
    abandonCheckpoint(register, checkpoint, { reason: 'test' }),
  ),
  prune: change((register, checkpoint) => pruneCheckpoint(register, checkpoint)),
  undelete: change((register, checkpoint) => undeleteCheckpoint(register, checkpoint)),
  prove: change((register, checkpoint) => noteProof(register, checkpoint, { how: 'test' })),
  bury: change((register, checkpoint) => buryRecord(register, checkpoint)),
  collect: change(async (register, checkpoint) => {
    const head = await readRecord(register, checkpoint);
    if (head.kind === 'live' && head.value.state === 'DELETING') {
      await startCollecting(register, head.value);
    }
  }),
  /** A write that was under way for long makes anew what a burial deleted. */
  lateWrite: change(async ({ store, ...register }, checkpoint) => {
    const head = await readRecord({ store, ...register }, checkpoint);
    if (head.kind !== 'buried') return;
    const key = generationKey(`records/${checkpoint.slice(16)}/${checkpoint}`, 1);
    await store.putIfAbsent(key, Buffer.from('late'));
  }),
};

function change(step: (register: Register, checkpoint: string) => Promise<unknown>) {
  return async (register: Register, checkpoints: string[], which: number) => {
    const checkpoint = checkpoints[which % Math.max(checkpoints.length, 1)];
    if (checkpoint !== undefined) await ifPossible(() => step(register, checkpoint));
  };
}

const REFUSALS = ['CheckpointStateRefused', 'CheckpointFenced', 'BackupInProgress'];

async function ifPossible(step: () => Promise<unknown>): Promise<void> {
  await step().catch((error: unknown) => {
    if (!REFUSALS.includes((error as Error).name)) throw error;
  });
}

async function surveyed(register: Register) {
  const { states, committed, open } = await surveyServer(register, aServer());
  return { states, committed, open };
}

/** The same without notes. */
async function allRead(register: Register) {
  const heads = await all(listHeads(register));
  const live = heads.flatMap(({ head }) => (head.kind === 'live' ? [head.value] : []));
  return {
    states: new Map(
      heads.map(({ checkpoint, head }): [string, string] => [
        checkpoint,
        head.kind === 'live' ? head.value.state : head.kind,
      ]),
    ),
    committed: live
      .filter(({ state }) => state === 'COMMITTED')
      .sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1))
      .map(({ checkpoint }) => checkpoint),
    open: live.filter(({ state }) => state === 'OPEN'),
  };
}
