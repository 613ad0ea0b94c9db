import { SnapbankError } from '../../errors.ts';

/** No object of this key. */
export class ObjectNotFound extends SnapbankError {
  static readonly when = 'An object that should be read is not in the store.';
  static readonly remedy =
    'Check that the location is the right one. If it is, the object was deleted or never written: run `snapbank verify`.';
  override readonly name = 'ObjectNotFound' as const;
}

/** The object is shorter than the range that was asked for. */
export class RangeOutsideObject extends SnapbankError {
  static readonly when = 'An object is shorter than what the bank knows of it.';
  static readonly remedy =
    'The object was cut or replaced by something other than snapbank. Restore it from a copy of the bank, or run `snapbank verify` to see what is lost.';
  override readonly name = 'RangeOutsideObject' as const;
}

/** A passing fault that outlasted the retries: throttling, 5xx, timeouts, lost connections, I/O errors. */
export class StoreUnavailable extends SnapbankError {
  static readonly when =
    'The store did not answer, or answered with a passing fault, until the retries were used up.';
  static readonly remedy =
    'Look at the store and at the network between; then run the same command again, it goes on where it stopped.';
  override readonly name = 'StoreUnavailable' as const;
}

/** The store answered, and a repetition would answer the same: credentials, permission, disk full, no such bucket. */
export class StoreRefused extends SnapbankError {
  static readonly when =
    'The store refuses: wrong or expired credentials, no permission, no such bucket, disk full, read-only.';
  static readonly remedy =
    'Do what the message says about credentials, permission or space, then run again.';
  override readonly name = 'StoreRefused' as const;
}

/** Whether a `putIfAbsent` took effect is not known. The caller re-reads the object and compares. */
export class WriteOutcomeUnknown extends SnapbankError {
  static readonly when = 'The answer to a conditional write was lost.';
  static readonly remedy =
    'Nothing by hand: the record protocol re-reads and compares. If it ends a run all the same, run it again.';
  override readonly name = 'WriteOutcomeUnknown' as const;
}

/** The upload was aborted, or never started. */
export class UploadNotFound extends SnapbankError {
  static readonly when =
    'A part is written to, or an end is put to, an upload that was aborted or never started.';
  static readonly remedy =
    'Start the restore again. If it happens again, look for a bucket lifecycle rule that aborts multipart uploads too early.';
  override readonly name = 'UploadNotFound' as const;
}

/** Parts are missing, too many, or do not fit together. */
export class UploadIncomplete extends SnapbankError {
  static readonly when =
    'An upload is completed of which parts are missing, too many, or do not fit together.';
  static readonly remedy = 'Start the restore again; the missing parts are written then.';
  override readonly name = 'UploadIncomplete' as const;
}

/** The store let two writers win, or forgot one: it cannot hold the register. */
export class PutIfAbsentNotProven extends SnapbankError {
  static readonly when =
    'The store does not keep the promise that of several writers of one key exactly one wins.';
  static readonly remedy =
    'Put the register elsewhere (SNAPBANK_REGISTER): an unversioned bucket without Object Lock, another S3 server, or a directory. The data may stay where it is.';
  override readonly name = 'PutIfAbsentNotProven' as const;
}

/** Objects cannot be locked there. */
export class ObjectLockUnavailable extends SnapbankError {
  static readonly when =
    'A bank is to be locked where nothing can be: a directory, a bucket without Object Lock, a server that ignores it.';
  static readonly remedy =
    'Make a bucket with Object Lock (it cannot be added to one later on most servers) and give that to `snapbank bank init --lock`.';
  override readonly name = 'ObjectLockUnavailable' as const;
}
