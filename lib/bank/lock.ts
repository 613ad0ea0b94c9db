import * as z from 'zod';
import type { Bank } from './bank.ts';
import type { ObjectLock, Retention } from './store/object-lock.ts';
import { ObjectLockUnavailable } from './store/errors.ts';
import type { ObjectStore } from './store/object-store.ts';

const DAY_MILLISECONDS = 24 * 3600 * 1000;

/** How a bank locks its objects: every one that a checkpoint needs stays locked for `days` after the checkpoint was made. */
export const BankLock = z.strictObject({
  mode: z.enum(['governance', 'compliance']),
  days: z.int().min(1).max(36_500),
});
export type BankLock = Readonly<z.infer<typeof BankLock>>;

/**
 * Days beyond those that are promised. An object that later checkpoints still need would otherwise have to be locked anew by each of
 * them; so it is once in so many days.
 */
function spareDays({ days }: BankLock): number {
  return Math.max(1, Math.ceil(days / 4));
}

/** What lies in the bank now and is put there must be locked until then, for a checkpoint that is made now. */
export function promisedUntil(lock: BankLock, objectLock: ObjectLock): Date {
  return daysFrom(objectLock.now(), lock.days);
}

/** How an object is locked that is put now, or whose lock is extended. */
export function newRetention(lock: BankLock, objectLock: ObjectLock): Retention {
  return { mode: lock.mode, until: daysFrom(objectLock.now(), lock.days + spareDays(lock)) };
}

/** For whoever puts an object into the bank; undefined where the bank is not locked. */
export function retentionOf({ info, places }: Bank): Retention | undefined {
  return info.lock && newRetention(info.lock, requireObjectLock(places.bank));
}

export function requireObjectLock({ objectLock, location }: ObjectStore): ObjectLock {
  if (objectLock !== undefined) return objectLock;
  throw new ObjectLockUnavailable(`${location} cannot lock objects; this bank must be locked.`, {
    identifiers: { location },
  });
}

/** Whole seconds, as servers keep them. */
function daysFrom(now: number, days: number): Date {
  return new Date(Math.ceil((now + days * DAY_MILLISECONDS) / 1000) * 1000);
}
