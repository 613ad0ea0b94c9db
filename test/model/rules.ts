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
  pinnedRootsReadInPass: 'A pinned root is read in the pass that sees the pin, not at the end.',
  pinningRecordReadAgain:
    'Where a pinned root is missing, the record that pinned it is read again: it may have been committed since.',
  deletingIsLive: 'What a DELETING checkpoint names is live.',
  listFirst: 'Only what was listed before pass A is deleted.',
  twoPasses: 'All records are read twice.',
  passA: 'What pass A found live stays live, whatever pass B finds.',
  lateCollectingIsLive: 'A record that is COLLECTING only in pass B is not dead yet.',
  readerPins: "What readers' pins name is live.",
  readerReadsAgain: "A reader reads the checkpoint's record again after its pin was written.",
  claimInRecord:
    'A compaction claims the record that it rewrites, so that fencing it makes its write fail.',
  claimPrefix: 'What a compaction wrote is live while its claim stands.',
  writeIdCompared: 'Whose answer was lost reads again whether the write took effect.',
} as const;

export type Rule = keyof typeof rules;
