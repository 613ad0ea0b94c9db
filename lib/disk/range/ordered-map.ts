export interface OrderedMapOptions {
  /** Items worked on or finished and not yet taken. */
  ahead: number;
  signal?: AbortSignal | undefined;
}

const end = Symbol('end of the items');

/**
 * Works on up to `ahead` items at once and yields the results in the order of the items. Items are pulled only as far ahead as that.
 *
 * The signal that `items` and `work` are given aborts when the outer signal does, when anything failed, and when the consumer stops
 * early. However it ends, it ends only after all work under way has settled and the items' generator has returned.
 */
export async function* orderedMap<T, R>(
  items: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  { ahead, signal }: OrderedMapOptions,
): AsyncGenerator<R, void, undefined> {
  const stop = new AbortController();
  const inner = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  inner.throwIfAborted();
  const source = items(inner);
  const slots: Promise<R | typeof end>[] = [];

  // An async generator queues its next() calls, so pulls made at once are answered one after the other.
  const startOne = async (): Promise<R | typeof end> => {
    const next = await source.next();
    if (next.done === true) return end;
    inner.throwIfAborted();
    return work(next.value, inner);
  };
  const fill = (): void => {
    while (slots.length < ahead) {
      const slot = startOne();
      // A slot may fail before its turn to be awaited comes; it is awaited all the same.
      slot.catch(() => undefined);
      slots.push(slot);
    }
  };

  try {
    for (;;) {
      fill();
      const slot = slots.shift();
      if (slot === undefined) return;
      const result = await slot;
      if (result === end) return;
      inner.throwIfAborted();
      fill();
      yield result;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    stop.abort();
    await Promise.allSettled(slots);
    await source.return();
  }
}
