import { SnapbankError } from '../../errors.ts';

/** The checkpoint was taken from whoever works on it: its lease ran out, or its execution was ended. */
export class CheckpointFenced extends SnapbankError {
  static readonly when =
    'A backup goes on with a checkpoint that is no longer open: its lease ran out, it was aborted, or another worker of the execution ended it.';
  static readonly remedy =
    'Back the server up again; what the fenced backup wrote is collected. If leases run out often, look for functions that are throttled or stopped.';
  override readonly name = 'CheckpointFenced' as const;
}

/** Another execution is backing this server up. */
export class BackupInProgress extends SnapbankError {
  static readonly when = 'Another live execution has an open checkpoint of the same server.';
  static readonly remedy =
    'Wait for the execution that the message names, or stop it; if it is dead, its lease runs out by itself.';
  override readonly name = 'BackupInProgress' as const;
}

export class CheckpointNotFound extends SnapbankError {
  static readonly when = 'No checkpoint answers to what was given.';
  static readonly remedy =
    'List the checkpoints of the bank with `snapbank list` and give one of these.';
  override readonly name = 'CheckpointNotFound' as const;
}

export class CheckpointAmbiguous extends SnapbankError {
  static readonly when = 'Several checkpoints begin with what was given.';
  static readonly remedy = 'Give more digits of the one that is meant; the message lists them.';
  override readonly name = 'CheckpointAmbiguous' as const;
}

/** A step that the record's state does not allow, such as pruning a checkpoint that is being collected. */
export class CheckpointStateRefused extends SnapbankError {
  static readonly when = 'A checkpoint is not in a state in which what was asked for can be done.';
  static readonly remedy =
    'See the state that the message names: an open checkpoint is aborted, not pruned; a collected one cannot be brought back.';
  override readonly name = 'CheckpointStateRefused' as const;
}

/** A generation that this version does not understand. Nothing is guessed: a collector that skipped it could delete its data. */
export class RecordUnreadable extends SnapbankError {
  static readonly when = 'An object in the register is not a record that this version understands.';
  static readonly remedy =
    'If a newer snapbank wrote it, use that version. Otherwise restore the object that the message names from a copy of the register.';
  override readonly name = 'RecordUnreadable' as const;
}
