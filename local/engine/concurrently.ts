/**
 * Runs `work` for the indexes from 0 to `count - 1`, at most `limit` at a time, in order. When one fails, no other is begun and the
 * signal of those that run aborts; when all have ended, the first failure is thrown. When `signal` aborts, its reason is thrown likewise.
 */
export async function concurrently(
  count: number,
  limit: number,
  signal: AbortSignal,
  work: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const siblings = new AbortController();
  const stop = () => siblings.abort(signal.reason);
  let failed: { error: unknown } | undefined;
  let nextIndex = 0;
  const worker = async () => {
    while (nextIndex < count && !siblings.signal.aborted) {
      const index = nextIndex;
      nextIndex += 1;
      try {
        await work(index, siblings.signal);
      } catch (error) {
        failed ??= { error };
        siblings.abort(new Error('a sibling failed'));
      }
    }
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: Math.min(limit, count) }, worker));
  } finally {
    signal.removeEventListener('abort', stop);
  }
  signal.throwIfAborted();
  if (failed !== undefined) throw failed.error;
}
