/** Identifiers of what an error is about (server, image, checkpoint, key, offset …). Never a secret, a token or a presigned URL. */
export type Identifiers = Readonly<Record<string, string | number | boolean>>;

export interface SnapbankErrorOptions {
  cause?: unknown;
  identifiers?: Identifiers;
}

/**
 * Base of every error that snapbank throws on purpose.
 *
 * A subclass sets `name` to a literal (`override readonly name = 'ServerNotFound' as const`), because state machines match
 * `ErrorEquals` against that exact string and a minifier renames classes. Its static `when` and `remedy` say in a sentence each when
 * it is thrown and what to do about it; docs/errors.md is made from them. The message names what was attempted and on what.
 */
export abstract class SnapbankError extends Error {
  abstract override readonly name: string;
  readonly identifiers: Identifiers;

  constructor(message: string, options: SnapbankErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.identifiers = options.identifiers ?? {};
  }
}

/** An input, an option or a setting is wrong. Nothing was started. */
export class InvalidInput extends SnapbankError {
  static readonly when = 'An input, an option or a setting is missing or malformed.';
  static readonly remedy = 'Correct the value that the message names; nothing was started.';
  override readonly name = 'InvalidInput' as const;
}

/** Something that was waited for did not happen in time. */
export class DeadlineExceeded extends SnapbankError {
  static readonly when = 'A step did not end before its deadline.';
  static readonly remedy =
    'Look at what the message names in the cloud or the store, then run the same command again.';
  override readonly name = 'DeadlineExceeded' as const;
}
