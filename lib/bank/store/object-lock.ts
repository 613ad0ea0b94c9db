import type { CallOptions } from './object-store.ts';

/** How an object is locked: in `governance` whoever has a special permission may delete it all the same, in `compliance` nobody. */
export interface Retention {
  readonly mode: 'governance' | 'compliance';
  readonly until: Date;
}

/** An object that could not be deleted yet. */
export interface RetainedObject {
  readonly key: string;
  readonly until: Date;
}

/** S3 Object Lock, where a store may have it. Nothing in here can shorten a lock or go around one. */
export interface ObjectLock {
  /** Whether the bucket was made with Object Lock. Asks the server. */
  isEnabled(options?: CallOptions): Promise<boolean>;

  /** Milliseconds since the epoch by the server's clock, as its answers showed it: a lock must not be short by this machine's error. */
  now(): number;

  /** Locks the object at least until then; a longer lock stays. Safe to repeat. Throws `ObjectNotFound`. */
  extend(key: string, retention: Retention, options?: CallOptions): Promise<void>;

  /** How the object is locked; undefined where it is not. Throws `ObjectNotFound`. */
  retentionOf(key: string, options?: CallOptions): Promise<Retention | undefined>;

  /**
   * Deletes the objects with all their versions, as far as they are not locked, and returns the others. (A plain delete of a locked
   * object would only hide it.) Ascending keys cost one listing of the bucket from the first of them to the last.
   */
  deleteUnlocked(keys: readonly string[], options?: CallOptions): Promise<RetainedObject[]>;
}
