import type { HomeNote } from './home.ts';
import type { BankKeys } from './keys/bank-keys.ts';
import type { SlotInfo } from './keys/key-ring.ts';
import type { BankLock } from './lock.ts';
import type { BankPlaces } from './places.ts';

/** An opened bank. Everything that reads or writes checkpoints takes it as its first argument. */
export interface Bank {
  readonly places: BankPlaces;
  readonly info: BankInfo;
  readonly keys: BankKeys;
}

/** What may be shown of a bank; holds no secret. */
export interface BankInfo {
  /** 32 hex digits. */
  readonly bankId: string;
  /** 32 hex digits: of bank and register where they lie; a copy that is written has another one. */
  readonly homeId: string;
  /** What the register says of where they lie; undefined where it says nothing. */
  readonly home?: HomeNote;
  /** They lie elsewhere: what was opened is read, and left as it is. */
  readonly isCopy: boolean;
  readonly version: number;
  readonly createdAt: string;
  /** Whether its contents are encrypted. */
  readonly sealed: boolean;
  /** `writer` backs up and sees the checkpoints' tables and descriptions, but no stored data; `reader` may do everything. */
  readonly access: BankAccess;
  readonly chunkSizeBytes: number;
  readonly chunksPerSegment: number;
  readonly features: readonly string[];
  /** How its objects are locked; undefined: they are not. */
  readonly lock?: BankLock;
  /** Generation of the key ring that was read, and who has access by it; 0 and empty when unsealed. */
  readonly keyRingGeneration: number;
  readonly slots: readonly SlotInfo[];
  /** Ids of the slots that the credentials fit by which it was opened; empty when unsealed, and just made. */
  readonly openedBy: readonly string[];
}

export type BankAccess = 'writer' | 'reader';
