import type { Rule } from './rules.ts';
import type { Configuration } from './world.ts';

const existing = { existing: true };

const child = {
  name: 'a checkpoint and its child',
  checkpoints: [existing, { ancestors: [0] }],
  writers: [1],
  prunable: [0, 1],
  collectors: 1,
} satisfies Configuration;

const childFirst = {
  name: 'a checkpoint and its child, listed the other way round',
  checkpoints: [{ ancestors: [1] }, existing],
  writers: [0],
  prunable: [0, 1],
  collectors: 1,
} satisfies Configuration;

const chain = {
  name: 'a chain of three, listed backwards',
  checkpoints: [{ ancestors: [1] }, { ancestors: [2] }, existing],
  writers: [0, 1],
  prunable: [0, 1, 2],
  collectors: 1,
} satisfies Configuration;

const reader = {
  name: 'a reader',
  checkpoints: [existing],
  writers: [],
  prunable: [0],
  readers: [[0]],
  collectors: 1,
} satisfies Configuration;

const compaction = {
  name: 'a compaction, answers get lost',
  checkpoints: [existing],
  writers: [],
  prunable: [0],
  compactions: [[0]],
  collectors: 1,
  lostAnswers: true,
} satisfies Configuration;

const compactionAndChild = {
  ...childFirst,
  name: 'a compaction while a child is made',
  prunable: [1],
  compactions: [[1]],
  lostAnswers: true,
} satisfies Configuration;

/** P and Q, which names P's pack: both get a new root, and share a new pack. */
const compactionOfTwo = {
  name: 'a compaction of two checkpoints that share a pack',
  checkpoints: [existing, { ...existing, onto: 0 }],
  writers: [],
  prunable: [0, 1],
  compactions: [[0, 1]],
  collectors: 1,
} satisfies Configuration;

const compactionOfTwoAndChild = {
  name: 'a compaction of two checkpoints while a child of one is made',
  checkpoints: [{ ancestors: [2] }, existing, { ...existing, onto: 1 }],
  writers: [0],
  prunable: [],
  compactions: [[1, 2]],
  collectors: 1,
} satisfies Configuration;

const workers = {
  ...child,
  name: 'two workers of one execution',
  writers: [1, 1],
  prunable: [0],
} satisfies Configuration;

const twoCollectors = {
  ...childFirst,
  name: 'a child and two collectors',
  collectors: 2,
} satisfies Configuration;

const chainAndTwoCollectors = {
  ...chain,
  name: 'a chain and two collectors',
  collectors: 2,
} satisfies Configuration;

const compactionInChain = {
  ...chain,
  name: 'a compaction in the middle of a chain',
  prunable: [1, 2],
  compactions: [[1]],
} satisfies Configuration;

/** Q is made on R, which is given up then. */
const madeAndOrphaned = [
  "Q's writer 1 reads R: COMMITTED",
  "Q's writer 1 creates the record, pinning R",
  "Q's writer 1 reads R again: may build on it",
  "Q's writer 1 confirms its pin",
  'R is pruned',
  'R is given to the collectors',
  "Q's writer 1 puts its pack",
  "Q's writer 1 puts its root",
  "Q's writer 1 commits",
];

/* Beginnings that the checker finds by itself in some millions of states: see `full`. */
const compactionHalfSeen = {
  ...compactionInChain,
  name: 'a compaction in a chain, after pass A has gone by',
  after: [
    'collector 0 lists the objects',
    "collector 0, pass A: reads P's record",
    "collector 0, pass A: reads Q's record",
    ...madeAndOrphaned,
  ],
} satisfies Configuration;

const chainHalfSeen = {
  ...chainAndTwoCollectors,
  name: 'a chain of which two collectors have seen different halves',
  prunable: [1, 2],
  after: [
    'collector 0 lists the objects',
    'collector 0 lists the objects',
    "collector 0, pass A: reads P's record",
    "collector 0, pass A: reads P's record",
    "collector 0, pass A: reads Q's record",
    ...madeAndOrphaned,
  ],
} satisfies Configuration;

/** What the normal test run checks, to the last state. */
export const normal: readonly Configuration[] = [
  child,
  {
    ...child,
    name: 'reads run ahead, deletes come one by one',
    readsAhead: true,
    deletesApart: true,
  },
  childFirst,
  chain,
  {
    name: 'two servers of one boot image',
    checkpoints: [{ ancestors: ['base'] }, { ancestors: ['base'] }],
    writers: [0, 1],
    prunable: [0, 1],
    collectors: 1,
  },
  { ...reader, name: 'a reader and two collectors', collectors: 2, readsAhead: true },
  compaction,
  compactionAndChild,
  { ...compaction, name: 'a compaction and a reader', readers: [[0]] },
  { ...compaction, name: 'a compaction, deletes come later', deletesLater: true },
  compactionOfTwo,
  { ...compactionOfTwo, name: 'a compaction of two, deletes come later', deletesLater: true },
  compactionOfTwoAndChild,
  { ...childFirst, name: 'a child, deletes come later', deletesLater: true },
  workers,
  twoCollectors,
  chainHalfSeen,
  compactionHalfSeen,
];

/** What `run.ts --full` checks beside, as far as its bound on states allows. */
export const full: readonly Configuration[] = [
  {
    name: 'two children of one checkpoint',
    checkpoints: [{ ancestors: [1] }, existing, { ancestors: [1] }],
    writers: [0, 2],
    prunable: [0, 1, 2],
    collectors: 1,
    readsAhead: true,
  },
  { ...chain, name: 'a chain, reads ahead, deletes apart', readsAhead: true, deletesApart: true },
  {
    name: 'a chain in mixed order',
    checkpoints: [{ ancestors: [2] }, existing, { ancestors: [1] }],
    writers: [0, 2],
    prunable: [0, 1, 2],
    collectors: 1,
  },
  { ...twoCollectors, name: 'two collectors, reads ahead', readsAhead: true },
  { ...twoCollectors, name: 'two collectors, deletes apart', deletesApart: true },
  { ...child, name: 'two collectors, listed in order', collectors: 2 },
  { ...reader, name: 'two readers, two collectors', readers: [[0], [0]], collectors: 2 },
  { ...childFirst, name: 'a reader of both', readers: [[0, 1]], readsAhead: true },
  {
    ...workers,
    name: 'two workers, two ancestors to choose from',
    checkpoints: [{ ancestors: [1, 2] }, existing, existing],
    writers: [0, 0],
    prunable: [1, 2],
  },
  { ...compaction, name: 'two compactions', compactions: [[0], [0]], readsAhead: true },
  {
    ...compaction,
    name: 'a compaction, a reader, two collectors',
    readers: [[0]],
    collectors: 2,
  },
  {
    name: 'three servers of one boot image',
    checkpoints: [{ ancestors: ['base'] }, { ancestors: ['base'] }, { ancestors: ['base'] }],
    writers: [0, 1, 2],
    prunable: [0, 1],
    collectors: 1,
  },
  compactionInChain,
  chainAndTwoCollectors,
  { ...compactionAndChild, name: 'a compaction, a child, two collectors', collectors: 2 },
  { ...twoCollectors, name: 'two collectors, deletes come later', deletesLater: true },
  { ...chain, name: 'a chain, deletes come later', deletesLater: true },
  {
    ...compactionAndChild,
    name: 'a compaction and a child, deletes come later',
    deletesLater: true,
  },
  {
    ...compactionOfTwo,
    name: 'a compaction of two, a reader, two collectors',
    readers: [[1]],
    collectors: 2,
  },
  {
    ...compactionOfTwo,
    name: 'two compactions of the same two',
    compactions: [
      [0, 1],
      [1, 0],
    ],
  },
  {
    ...compactionOfTwoAndChild,
    name: 'a compaction of two, a child, all prunable, deletes come later',
    prunable: [0, 1, 2],
    deletesLater: true,
  },
  {
    ...compactionOfTwoAndChild,
    name: 'a compaction of two, a child, two collectors',
    collectors: 2,
  },
];

/** Where leaving out a rule loses data. */
export const lossWithout: Readonly<Record<Rule, Configuration>> = {
  pinFirst: child,
  readAncestorAgain: child,
  sameRoot: compactionAndChild,
  confirmedPinsStay: workers,
  commitFromOpen: child,
  tombstones: child,
  ownPrefix: child,
  pinnedRoots: child,
  pinningRecordReadAgain: twoCollectors,
  deletingIsLive: child,
  listFirst: child,
  twoPasses: childFirst,
  lateCollectingIsLive: chain,
  stopAtNewGraves: chainHalfSeen,
  stopAtMissingRoots: chainHalfSeen,
  stopAtReplacedRoots: compactionHalfSeen,
  readerPins: reader,
  readerReadsAgain: reader,
  claimInRecord: compaction,
  claimPrefix: compaction,
  claimsFirst: compactionOfTwo,
  freshNames: { ...compaction, deletesLater: true },
  writeIdCompared: compaction,
};
