import { type BankLock, newRetention, requireObjectLock } from './lock.ts';
import { ObjectLockUnavailable } from './store/errors.ts';
import type { ObjectStore } from './store/object-store.ts';

/**
 * Puts an object and looks whether it is locked: there are servers that take the request and ignore the lock. Throws
 * `ObjectLockUnavailable` then, and the object is there.
 */
export async function putLocked(
  bank: ObjectStore,
  key: string,
  bytes: Uint8Array,
  lock: BankLock,
): Promise<void> {
  const objectLock = requireObjectLock(bank);
  const retention = newRetention(lock, objectLock);
  await bank.put(key, bytes, { retention });
  const held = await objectLock.retentionOf(key);
  if (held?.mode === lock.mode && held.until >= retention.until) return;
  throw new ObjectLockUnavailable(
    `${bank.location} took ${key}, which was to be locked, and did not lock it.`,
    { identifiers: { location: bank.location } },
  );
}
