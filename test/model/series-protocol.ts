import type { Model } from './checker.ts';

/** The rules of compare-and-set on a store that can only create, and of removal. */
export const seriesRules = {
  nothingDeletedAlive: 'Nothing is deleted from a series that lives.',
  tombstone: 'A series that is removed gets a tombstone first, and keeps it.',
  writerLooksForTombstone: 'Who created a generation looks for the tombstone before believing it.',
  readerLooksForTombstone: 'Who read a generation looks for the tombstone before believing it.',
  writeIdCompared:
    'A write without a good answer is looked for by its id before it is taken for lost.',
} as const;
export type SeriesRule = keyof typeof seriesRules;

/** What a process wants: to look, or one step of the record from a state that allows it. */
export type Wish = 'look' | 'renew' | 'commit' | 'fence' | 'prune' | 'undelete' | 'collect';

type RecordState = 'OPEN' | 'COMMITTED' | 'ABORTED' | 'DELETING' | 'COLLECTING';

const steps: Readonly<Record<Wish, { from?: RecordState; to: RecordState }>> = {
  look: { to: 'OPEN' },
  renew: { from: 'OPEN', to: 'OPEN' },
  commit: { from: 'OPEN', to: 'COMMITTED' },
  fence: { from: 'OPEN', to: 'ABORTED' },
  prune: { from: 'COMMITTED', to: 'DELETING' },
  undelete: { from: 'DELETING', to: 'COMMITTED' },
  collect: { from: 'DELETING', to: 'COLLECTING' },
};

/** Fields of a process. */
const PHASE = 0;
/** The highest generation when it listed, and what it got of a generation. */
const LISTED = 1;
const GOT = 2;
/** A request that nobody waits for any more, and that may still arrive. */
const IN_FLIGHT = 3;
const FIELDS = 4;

const LIST = 0;
const GET = 1;
const CHECK = 2;
const PUT = 3;
const CHECK_CREATED = 4;
const GET_OWN = 5;
const CHECK_OWN = 6;
const WON = 7;
const LOST = 8;
const ENDED = 9;

const CREATED_CONTENT = 1;

/**
 * One record's series as lib/bank/register/series.ts changes it: processes that each look at the record or take one step, a store whose
 * answers may be lost and whose requests may arrive late, and whoever removes the record once it is ABORTED or COLLECTING.
 */
export class SeriesProtocol implements Model {
  readonly width: number;
  readonly #wishes: readonly Wish[];
  readonly #off: ReadonlySet<SeriesRule>;
  readonly #generations: number;
  readonly #tombstone: number;
  /** What no process sees: contents that counted when they arrived, and whether one that did not count was believed. */
  readonly #counted: number;
  readonly #misread: number;
  readonly #scratch: Uint8Array;

  constructor(wishes: readonly Wish[], off: Iterable<SeriesRule> = []) {
    this.#wishes = wishes;
    this.#off = new Set(off);
    this.#generations = wishes.length + 1;
    this.#tombstone = this.#generations;
    this.#counted = this.#tombstone + 1 + wishes.length * FIELDS;
    this.#misread = this.#counted + 1;
    this.width = this.#misread + 1;
    this.#scratch = new Uint8Array(this.width);
  }

  initial(): Uint8Array {
    const state = new Uint8Array(this.width);
    state[0] = CREATED_CONTENT;
    state[this.#counted] = 1 << CREATED_CONTENT;
    return state;
  }

  successors(state: Uint8Array, emit: (step: string, next: Uint8Array) => void): void {
    this.#wishes.forEach((wish, process) => {
      this.#processSteps(state, process, `${wish} (process ${process})`, emit);
    });
    this.#removalSteps(state, emit);
  }

  violation(state: Uint8Array): string | undefined {
    if (read(state, this.#misread) === 1) return 'UNTRUE: a write that never counted is believed';
    const end = this.#stateAt(read(state, this.#highest(state)));
    for (let process = 0; process < this.#wishes.length; process++) {
      const phase = read(state, this.#process(process) + PHASE);
      const counts = this.#counts(state, process + 2);
      const wish = this.#wishes[process];
      if (phase === WON && !counts) return `UNTRUE: ${wish} is taken for done, and was not`;
      if (phase === LOST && counts) return `UNTRUE: ${wish} is taken for lost, and took effect`;
      const overBefore = counts && (wish === 'fence' || wish === 'collect');
      if (overBefore && !this.#isBuried(state) && end !== undefined && !isOver(end)) {
        return `RESURRECTED: a record that was over is ${end}`;
      }
    }
    return undefined;
  }

  #processSteps(
    state: Uint8Array,
    process: number,
    me: string,
    emit: (step: string, next: Uint8Array) => void,
  ): void {
    const at = this.#process(process);
    const go = (phase: number) => {
      const next = this.#fork(state);
      next[at + PHASE] = phase;
      return next;
    };
    const listed = read(state, at + LISTED);
    const got = read(state, at + GOT);
    const gone = this.#isBuried(state) && this.#keeps('readerLooksForTombstone');

    switch (read(state, at + PHASE)) {
      case LIST: {
        const top = this.#highest(state);
        const next = go(top < 0 || this.#isBuried(state) ? ENDED : GET);
        next[at + LISTED] = Math.max(top, 0);
        emit(`${me} lists`, next);
        break;
      }
      case GET: {
        const next = go(read(state, listed) === 0 ? ENDED : CHECK);
        next[at + GOT] = read(state, listed);
        emit(`${me} gets generation ${listed}`, next);
        break;
      }
      case CHECK: {
        const { from } = steps[this.#wishes[process] ?? 'look'];
        const may = !gone && from !== undefined && this.#stateAt(got) === from;
        const next = go(may ? PUT : ENDED);
        next[at + GOT] = 0;
        if (!gone && !this.#counts(state, got)) next[this.#misread] = 1;
        emit(`${me} ${gone ? 'finds the tombstone' : `reads ${this.#stateAt(got)}`}`, next);
        break;
      }
      case PUT: {
        const answered = this.#fork(state);
        const created = this.#arrive(answered, process);
        const refused = this.#keeps('writeIdCompared') ? GET_OWN : LOST;
        answered[at + PHASE] = created ? CHECK_CREATED : refused;
        emit(`${me} writes, and is answered ${created ? 'created' : 'exists'}`, answered);
        const unanswered = go(this.#keeps('writeIdCompared') ? PUT : LOST);
        this.#arrive(unanswered, process);
        emit(`${me} writes, and the answer is lost`, unanswered);
        const late = go(this.#keeps('writeIdCompared') ? PUT : LOST);
        late[at + IN_FLIGHT] = 1;
        emit(`${me} writes, and the request is delayed`, late);
        break;
      }
      case CHECK_CREATED: {
        const removed = this.#isBuried(state) && this.#keeps('writerLooksForTombstone');
        emit(`${me} ${removed ? 'finds the tombstone' : 'has won'}`, go(removed ? ENDED : WON));
        break;
      }
      case GET_OWN: {
        const content = read(state, listed + 1);
        const next = go(content === 0 ? ENDED : CHECK_OWN);
        next[at + GOT] = content;
        emit(`${me} gets the generation that exists`, next);
        break;
      }
      case CHECK_OWN: {
        const verdict = got === process + 2 ? WON : LOST;
        const what = verdict === WON ? 'finds its own write' : "finds another's write";
        emit(`${me} ${gone ? 'finds the tombstone' : what}`, go(gone ? ENDED : verdict));
        break;
      }
      default:
    }
    if (read(state, at + IN_FLIGHT) === 1) {
      const next = this.#fork(state);
      next[at + IN_FLIGHT] = 0;
      this.#arrive(next, process);
      emit(`${me}: the delayed request arrives`, next);
    }
  }

  #removalSteps(state: Uint8Array, emit: (step: string, next: Uint8Array) => void): void {
    const top = this.#highest(state);
    const end = this.#stateAt(read(state, top));
    const over = end !== undefined && isOver(end);
    if (over && !this.#isBuried(state) && this.#keeps('tombstone')) {
      const next = this.#fork(state);
      next[this.#tombstone] = 1;
      emit('the record is buried', next);
    }
    for (let generation = 0; generation <= top; generation++) {
      const removed = this.#isBuried(state) || (over && !this.#keeps('tombstone'));
      const superseded = generation < top && !this.#keeps('nothingDeletedAlive');
      if (read(state, generation) === 0 || !(removed || superseded)) continue;
      const next = this.#fork(state);
      next[generation] = 0;
      emit(`generation ${generation} is deleted`, next);
    }
  }

  /** The request of a process reaches the store: it creates the generation after the one that it read, or finds it existing. */
  #arrive(next: Uint8Array, process: number): boolean {
    const generation = read(next, this.#process(process) + LISTED) + 1;
    if (read(next, generation) !== 0) return false;
    if (generation > this.#highest(next) && !this.#isBuried(next)) {
      next[this.#counted] = read(next, this.#counted) | (1 << (process + 2));
    }
    next[generation] = process + 2;
    return true;
  }

  #keeps(rule: SeriesRule): boolean {
    return !this.#off.has(rule);
  }

  #fork(state: Uint8Array): Uint8Array {
    this.#scratch.set(state);
    return this.#scratch;
  }

  #process(process: number): number {
    return this.#tombstone + 1 + process * FIELDS;
  }

  #isBuried(state: Uint8Array): boolean {
    return read(state, this.#tombstone) === 1;
  }

  #highest(state: Uint8Array): number {
    let top = this.#generations - 1;
    while (top >= 0 && read(state, top) === 0) top -= 1;
    return top;
  }

  #counts(state: Uint8Array, content: number): boolean {
    return ((read(state, this.#counted) >> content) & 1) === 1;
  }

  /** A generation's content is 1 for the record as it was created, process + 2 for what a process wrote. */
  #stateAt(content: number): RecordState | undefined {
    if (content === CREATED_CONTENT) return 'OPEN';
    const wish = this.#wishes[content - 2];
    return wish === undefined ? undefined : steps[wish].to;
  }
}

function read(state: Uint8Array, field: number): number {
  return state[field] ?? 0;
}

function isOver(state: RecordState): boolean {
  return state === 'ABORTED' || state === 'COLLECTING';
}
