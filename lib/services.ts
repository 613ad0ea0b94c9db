import type { BankPlaces } from './bank/places.ts';
import type { Bank } from './bank/bank.ts';
import type { ExecutionProcess } from './bank/register/record.ts';
import type { Register } from './bank/register/register.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { OpenStack } from './openstack/open-stack.ts';
import type { Settings } from './settings.ts';

/** What a state function works with; made once per process, opened on first use. */
export interface Services {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** Authenticates lazily. */
  openstack(): Promise<OpenStack>;
  bank(): Promise<Bank>;
  register(): Promise<Register>;
  readonly places: BankPlaces;
  /** The process that runs an embedded execution, by which another one sees that it is gone; undefined on AWS. */
  readonly process?: ExecutionProcess;
  /** Told of bytes as they are read, for a progress display. Does nothing on AWS. */
  progress(event: ProgressEvent): void;
}

export interface ProgressEvent {
  /** Id of the server that is backed up, or of the restore, verification or collection. */
  subject: string;
  phase: 'upload' | 'restore' | 'check' | 'verify' | 'collect' | 'compact';
  /** Bytes of the disk or file dealt with since the last event, holes included. */
  advancedBytes: number;
  totalBytes: number;
}
