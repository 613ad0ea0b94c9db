import { FENCED, HELD } from './world.ts';
import {
  ABORTED,
  CLAIM,
  COLLECTING,
  COMMITTED,
  CONFIRMED,
  DELETING,
  name,
  OPEN,
  PINNED,
  PINNED_ROOT,
  read,
  STATE,
  type World,
} from './world.ts';
import { PIN } from './compaction.ts';
import { fenceReader } from './reader.ts';

/**
 * What people and clocks do, at any time and in any order: leases run out, executions are aborted, plans and people mark for deletion
 * and bring back, undelete windows end. Each is a compare-and-set of one record, so it either finds the state it needs or does nothing.
 * That collectors are the ones that fence and that end undelete windows makes no difference: they may do it at any time too.
 */
export function deadlineSteps(
  world: World,
  state: Uint8Array,
  emit: (step: string, next: Uint8Array) => void,
): void {
  const { checkpoints, prunable, readers = [], compactions = [] } = world.configuration;
  for (let checkpoint = 0; checkpoint < checkpoints.length; checkpoint++) {
    const record = world.record(checkpoint);
    const move = (to: number, what: string) => {
      const next = world.fork(state);
      next[record + STATE] = to;
      next[record + PINNED] = 0;
      next[record + PINNED_ROOT] = 0;
      next[record + CONFIRMED] = 0;
      next[record + CLAIM] = 0;
      emit(`${name(checkpoint)} is ${what}`, next);
    };
    const before = read(state, record + STATE);
    if (before === OPEN) move(ABORTED, 'fenced');
    if (before === COMMITTED && read(state, record + CLAIM) !== 0) move(COMMITTED, 'unclaimed');
    if (before === COMMITTED && prunable.includes(checkpoint)) move(DELETING, 'pruned');
    if (before === DELETING) {
      move(COMMITTED, 'undeleted');
      move(COLLECTING, 'given to the collectors');
    }
  }
  for (let reader = 0; reader < readers.length; reader++) fenceReader(world, reader, state, emit);
  for (let compaction = 0; compaction < compactions.length; compaction++) {
    const at = world.compaction(compaction);
    if (read(state, at + PIN) !== HELD) continue;
    const next = world.fork(state);
    next[at + PIN] = FENCED;
    emit(`compaction ${compaction}'s pin runs out`, next);
  }
}
