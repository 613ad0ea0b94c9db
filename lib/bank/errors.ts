import { SnapbankError } from '../errors.ts';

/** There is no bank at the location. */
export class BankNotFound extends SnapbankError {
  static readonly when = 'The location holds no bank (no bank.json).';
  static readonly remedy =
    'Check the location (SNAPBANK_BANK). If it is right and no bank was made there yet, run `snapbank bank init`.';
  override readonly name = 'BankNotFound' as const;
}

/** A bank, or the rest of one, is already there. */
export class BankExists extends SnapbankError {
  static readonly when = 'A bank is to be created where there is one.';
  static readonly remedy = 'Use the bank that is there, or choose an empty location.';
  override readonly name = 'BankExists' as const;
}

/** The bank is written in a format that this version of snapbank does not know. */
export class UnsupportedBank extends SnapbankError {
  static readonly when =
    'The bank has a format version or a feature that this snapbank does not know.';
  static readonly remedy = 'Use the version of snapbank that the message asks for, or a newer one.';
  override readonly name = 'UnsupportedBank' as const;
}

/** Bank and register do not belong together. Nothing is written and nothing is deleted in that state. */
export class RegisterLost extends SnapbankError {
  static readonly when = 'The register is empty, or belongs to another bank.';
  static readonly remedy =
    'Check SNAPBANK_REGISTER. If the register is really lost, restore it from a copy, or name an empty place and run `snapbank bank rebuild`; the data in the bank is untouched.';
  override readonly name = 'RegisterLost' as const;
}

/** What is opened is a copy of a bank, or half of one. It can be read. */
export class BankIsCopy extends SnapbankError {
  static readonly when =
    "A bank is to be changed that lies elsewhere than its register's note says: a copy, or one that was moved or is known by another name.";
  static readonly remedy =
    'To restore from a copy or to verify it nothing is needed. To back up into it from now on: `snapbank bank adopt`. If the bank was moved here, or this is another name of its place: `snapbank bank adopt --moved`.';
  override readonly name = 'BankIsCopy' as const;
}

/** A key was given, and it is not one of this bank. */
export class WrongKey extends SnapbankError {
  static readonly when = 'The key or passphrase opens no access slot of the bank.';
  static readonly remedy =
    'Give the right one: SNAPBANK_KEY_FILE names a key file, SNAPBANK_PASSPHRASE is a passphrase.';
  override readonly name = 'WrongKey' as const;
}

/** A key is needed, and none that suffices was given. */
export class KeyMissing extends SnapbankError {
  static readonly when = 'The bank is sealed, and no key was given or only one that may write.';
  static readonly remedy =
    'Give a key that may read: SNAPBANK_KEY_FILE names a key file, SNAPBANK_PASSPHRASE is a passphrase.';
  override readonly name = 'KeyMissing' as const;
}

/** A key file cannot be used as it is. */
export class KeyFileUnusable extends SnapbankError {
  static readonly when =
    'A key file or a passphrase file is missing, malformed, readable by other users, or cannot be made where it is to be.';
  static readonly remedy = 'Correct what the message names: the path, or who may read the file.';
  override readonly name = 'KeyFileUnusable' as const;
}

/** Two people changed who has access at the same time. */
export class KeyRingChanged extends SnapbankError {
  static readonly when = 'Access to the bank was changed by somebody else at the same time.';
  static readonly remedy =
    'Look at `snapbank bank info`, then run the same command again if it is still needed.';
  override readonly name = 'KeyRingChanged' as const;
}

/** An object of the bank is not what was written: cut, altered, replaced, or sealed with another key. */
export class ObjectDamaged extends SnapbankError {
  static readonly when =
    'A root, a segment, a key ring or another object of the bank is not what was written.';
  static readonly remedy =
    'Restore the object from a copy of the bank, or use another checkpoint; `snapbank verify` shows what is affected.';
  override readonly name = 'ObjectDamaged' as const;
}

/** A pack's bytes are not what was written. */
export class ChunkDamaged extends SnapbankError {
  static readonly when =
    'A stored chunk does not decode to the bytes whose id the checkpoint names.';
  static readonly remedy =
    'Restore the pack from a copy of the bank, or use another checkpoint. After `snapbank verify` has marked it, the next backup stores the chunk again.';
  override readonly name = 'ChunkDamaged' as const;
}

/** A pack that a checkpoint refers to is gone. */
export class PackMissing extends SnapbankError {
  static readonly when = 'A pack that a checkpoint refers to is not in the bank.';
  static readonly remedy =
    'Restore the pack from a copy of the bank, or use another checkpoint. After `snapbank verify` has marked it, the next backup stores its chunks again.';
  override readonly name = 'PackMissing' as const;
}

/** The segments of a disk do not make a whole checkpoint. */
export class CheckpointIncomplete extends SnapbankError {
  static readonly when =
    'A checkpoint is to be committed whose segments are missing or contradict each other.';
  static readonly remedy =
    'Run the backup again; finished segments are taken over, missing ones are read again.';
  override readonly name = 'CheckpointIncomplete' as const;
}
