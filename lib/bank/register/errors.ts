import { SnapbankError } from '../../errors.ts';
import type { ComingBase } from './first-of-image.ts';
import type { ServerIdentity } from './identity.ts';
import type { OpenRecord } from './record.ts';

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
  /** When the other execution opened its checkpoint. */
  readonly openSince: Date;

  constructor(message: string, rival: OpenRecord) {
    const { checkpoint, execution, server, createdAt } = rival;
    super(message, {
      identifiers: { serverId: server.serverId, checkpoint, execution: execution.id },
    });
    this.openSince = new Date(createdAt);
  }
}

/** Passing: what this server has in common with others of its image is being stored by the first of them. */
export class BaseInProgress extends SnapbankError {
  static readonly when =
    'Another server of the same boot image is being backed up, as the first one of that image.';
  static readonly remedy =
    'None: it is tried again, and goes on with what the other one stored, or without it after an hour.';
  override readonly name = 'BaseInProgress' as const;

  constructor({ serverId }: ServerIdentity, { checkpoint, record }: ComingBase) {
    const first = record === undefined ? 'another server' : `server ${record.server.serverId}`;
    super(
      `Server ${serverId} waits for checkpoint ${checkpoint} of ${first}, the first one of their boot image, to store only what it does not hold.`,
      { identifiers: { serverId, checkpoint } },
    );
  }
}

export class CheckpointNotFound extends SnapbankError {
  static readonly when = 'No checkpoint answers to what was given.';
  static readonly remedy =
    'List the checkpoints of the bank with `snapbank checkpoints` and give one of these.';
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

/** The pin that held a checkpoint for a reader is gone. */
export class PinFenced extends SnapbankError {
  static readonly when =
    'A restore or a verification goes on though the pin that kept its checkpoint from being collected ran out.';
  static readonly remedy =
    'Start the restore or the verification again. If pins run out often, look for functions that are throttled or stopped.';
  override readonly name = 'PinFenced' as const;
}

/** A generation that this version does not understand. Nothing is guessed: a collector that skipped it could delete its data. */
export class RecordUnreadable extends SnapbankError {
  static readonly when = 'An object in the register is not a record that this version understands.';
  static readonly remedy =
    'If a newer snapbank wrote it, use that version. Otherwise restore the object that the message names from a copy of the register.';
  override readonly name = 'RecordUnreadable' as const;
}
