/** What happens in a process, and can be counted: the same run meets about the same number of each. */
export const MOMENTS = ['request', 'sent', 'answer', 'recorded', 'file', 'filed'] as const;
/**
 * `request`: an HTTP request is about to be sent. `sent`: it has left. `answer`: its answer has arrived. `recorded`: an event of the
 * history is on the disk. `file`, `filed`: before and after a call that changes the file system.
 */
export type Moment = (typeof MOMENTS)[number];

/** What signal-at.ts is told in SNAPBANK_TEST_SIGNAL_AT. */
export interface SignalPlan {
  /** Which of the moments; 0: none, they are only counted. */
  number: number;
  moment: Moment;
  signal: NodeJS.Signals;
  /** What comes at this moment never ends: a disk or a network that hangs. */
  hangs?: boolean;
  /** Where the counts are written when the process ends by itself. */
  countsFile?: string;
}

export type Counts = Record<Moment, number>;
