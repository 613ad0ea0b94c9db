import { setTimeout as delay } from 'node:timers/promises';

/** Asks `probe` until it answers something, at most `seconds` long. */
export async function eventually<Answer>(
  what: string,
  seconds: number,
  probe: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await delay(500);
  }
}
