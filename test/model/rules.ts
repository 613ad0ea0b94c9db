/** The rules of the record protocol that keep data, each with what it says. The checker must find a loss where any one is left out. */
export const rules = {
  pinFirst: "A writer's record pins the ancestor; it does not only remember it.",
  readAncestorAgain: "The ancestor's record is read again after the pin was written.",
  sameRoot: 'An ancestor is used only with the root that was pinned.',
  confirmedPinsStay:
    'A confirmed pin is not exchanged, whatever another worker of the execution finds.',
  commitFromOpen: 'A commit is a compare-and-set from OPEN.',
  tombstones: 'A removed record can never be written again.',
  ownPrefix: 'What an open checkpoint wrote is live.',
  pinnedRoots: "What an open checkpoint's pinned roots name is live.",
  pinningRecordReadAgain:
    'Where a pinned root is missing, the record that pinned it is read again: it may have been committed since.',
  deletingIsLive: 'What a DELETING checkpoint names is live.',
  listFirst: 'Only what was listed before the passes is deleted.',
  twoPasses: 'Only what was dead before pass B began is dead.',
  lateCollectingIsLive: 'A record that is COLLECTING only in pass B is not dead yet.',
  stopAtNewGraves:
    'A collector that sees a record removed by another one since pass A deletes nothing: it may have missed what that record stood for.',
  stopAtMissingRoots:
    'A collector that finds no root for a record that is COLLECTING only in pass B deletes nothing, for the same reason.',
  stopAtReplacedRoots:
    "A collector that sees a compaction's root that it did not see in pass A deletes nothing: the root before may be pinned.",
  readerPins: "What readers' pins name is live.",
  readerReadsAgain: "A reader reads the checkpoint's record again after its pin was written.",
  claimInRecord:
    'A compaction claims the record that it rewrites, so that fencing it makes its write fail.',
  claimPrefix:
    'What a compaction wrote, for any of its checkpoints, is live while one of its claims stands.',
  claimsFirst:
    'A compaction of several checkpoints writes nothing before it has claimed all that it will rewrite.',
  freshNames:
    'What was deleted is never written again under its name: a list of what is to be deleted stays right.',
  writeIdCompared: 'Whose answer was lost reads again whether the write took effect.',
} as const;

export type Rule = keyof typeof rules;
