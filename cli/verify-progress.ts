import { OneRowProgress } from './one-row-progress.ts';
import type { Output } from './output.ts';

const PHASES = {
  PlanVerify: 'planning',
  VerifySegments: 'verifying',
  RecordVerification: 'recording',
  CloseVerification: 'cleaning up',
};

/** Shows a verification's progress as one row. */
export class VerifyProgress extends OneRowProgress {
  constructor(output: Output, label: string) {
    super(output, {
      label,
      noun: { one: 'verification', many: 'verifications' },
      phases: PHASES,
    });
  }
}
