import {
  COMMITTED,
  DELETING,
  FENCED,
  HELD,
  NO_PIN,
  name,
  read,
  ROOT,
  STATE,
  type World,
} from './world.ts';

export const STEP = 0;
/** Checkpoint + 1 and owner + 1 of its root. */
export const TARGET = 1;
export const TARGET_ROOT = 2;
export const PIN = 3;

const CHOOSE = 0;
const PUT_PIN = 1;
const READ_AGAIN = 2;
export const READING = 3;
const DONE = 4;

/** A restore or a verification: it pins a checkpoint, reads it, and lets go. */
export function readerSteps(
  world: World,
  reader: number,
  state: Uint8Array,
  emit: (step: string, next: Uint8Array) => void,
): void {
  const at = world.reader(reader);
  const me = `reader ${reader}`;
  const go = (step: number): Uint8Array => {
    const next = world.fork(state);
    next[at + STEP] = step;
    return next;
  };

  switch (read(state, at + STEP)) {
    case CHOOSE: {
      for (const checkpoint of world.configuration.readers?.[reader] ?? []) {
        if (!isReadable(world, checkpoint, state)) continue;
        const next = go(PUT_PIN);
        next[at + TARGET] = checkpoint + 1;
        next[at + TARGET_ROOT] = read(state, world.record(checkpoint) + ROOT);
        emit(`${me} reads ${name(checkpoint)}'s record`, next);
      }
      return;
    }
    case PUT_PIN: {
      const next = go(world.keeps('readerReadsAgain') ? READ_AGAIN : READING);
      next[at + PIN] = HELD;
      emit(`${me} puts its pin`, next);
      return;
    }
    case READ_AGAIN: {
      const checkpoint = read(state, at + TARGET) - 1;
      const same = read(state, world.record(checkpoint) + ROOT) === read(state, at + TARGET_ROOT);
      if (isReadable(world, checkpoint, state) && same) {
        emit(`${me} reads ${name(checkpoint)}'s record again, and starts reading`, go(READING));
      } else {
        emit(`${me} reads ${name(checkpoint)}'s record again, and gives up`, ended(go(DONE), at));
      }
      return;
    }
    case READING: {
      emit(`${me} ends`, ended(go(DONE), at));
      return;
    }
    default:
  }
}

/** Its lease ran out. */
export function fenceReader(
  world: World,
  reader: number,
  state: Uint8Array,
  emit: (step: string, next: Uint8Array) => void,
): void {
  const at = world.reader(reader);
  if (read(state, at + PIN) !== HELD) return;
  const next = world.fork(state);
  next[at + PIN] = FENCED;
  emit(`reader ${reader}'s pin runs out`, next);
}

function isReadable(world: World, checkpoint: number, state: Uint8Array): boolean {
  const there = read(state, world.record(checkpoint) + STATE);
  return there === COMMITTED || there === DELETING;
}

function ended(next: Uint8Array, at: number): Uint8Array {
  next[at + TARGET] = 0;
  next[at + TARGET_ROOT] = 0;
  next[at + PIN] = NO_PIN;
  return next;
}
