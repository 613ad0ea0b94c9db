import { SnapbankError } from '../errors.ts';

/**
 * At least one checkpoint is damaged or could not be looked at. The verify machine's Fail state names it.
 * @public
 */
export class VerificationFailed extends SnapbankError {
  static readonly when =
    'A verification found damage, or could not look at everything it was asked to.';
  static readonly remedy =
    'See the report: restore damaged objects from a copy of the bank, or back the servers up again, which stores what was marked anew; then verify again.';
  override readonly name = 'VerificationFailed' as const;
}

/** Workers left no report on some segments, and no error either. */
export class SegmentsNotVerified extends SnapbankError {
  static readonly when = 'A verification ended without having looked at some segments.';
  static readonly remedy =
    'Verify again; the log of the execution says what became of its workers.';
  override readonly name = 'SegmentsNotVerified' as const;
}
