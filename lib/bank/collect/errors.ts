import { SnapbankError } from '../../errors.ts';

/** A checkpoint that is there names a root that is not. */
export class RootMissing extends SnapbankError {
  static readonly when =
    'A checkpoint that should be readable refers to a root that is not in the bank.';
  static readonly remedy =
    'Nothing was deleted. Restore the root that the message names from a copy of the bank, or prune that checkpoint and collect again when its undelete window is over.';
  override readonly name = 'RootMissing' as const;
}

/** Another collection deletes at the same time. */
export class CollectionOvertaken extends SnapbankError {
  static readonly when = 'Another collection removed a checkpoint while this one was looking.';
  static readonly remedy =
    'Nothing was deleted by this one. Start it again when the other one has ended; one at a time is enough.';
  override readonly name = 'CollectionOvertaken' as const;
}

/** What would be deleted is too much to be meant. */
export class CollectionRefused extends SnapbankError {
  static readonly when = 'More than half of the bank would be deleted.';
  static readonly remedy =
    'Nothing was deleted. Look at the list of checkpoints; if it is right, collect again with --force.';
  override readonly name = 'CollectionRefused' as const;
}

/**
 * Half-used packs of some servers could not be rewritten. The collect-garbage machine's Fail state names it.
 * @public
 */
export class CompactionIncomplete extends SnapbankError {
  static readonly when =
    'What no checkpoint needs was deleted, but some half-used packs could not be rewritten.';
  static readonly remedy =
    'Nothing is lost: the checkpoints refer to the old packs. The log of the execution says what failed; the next collection tries again. `--no-compact` leaves packs as they are.';
  override readonly name = 'CompactionIncomplete' as const;
}
