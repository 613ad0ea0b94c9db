import { vi } from 'vitest';

/** An hour passes for this process, and so for a doctor in it: what is over is kept that long. Until `vi.useRealTimers()`. */
export function hourLater(): void {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(now + 3600 * 1000);
}
