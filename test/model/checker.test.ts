import { describe, expect, it } from 'vitest';
import { check, type Model } from './checker.ts';

/** A counter of so many values that goes up by one or by two. */
function counter(values: number, wrong?: number): Model {
  return {
    width: 2,
    initial: () => new Uint8Array(2),
    successors(state, emit) {
      const value = (state[0] ?? 0) * 256 + (state[1] ?? 0);
      for (const step of [1, 2]) {
        const next = (value + step) % values;
        emit(`+${step}`, new Uint8Array([next >> 8, next & 255]));
      }
    },
    violation: (state) =>
      (state[0] ?? 0) * 256 + (state[1] ?? 0) === wrong ? 'reached' : undefined,
  };
}

describe('check', () => {
  it('visits every state once, through all growths of its tables', () => {
    expect(check(counter(60_000))).toEqual({ outcome: 'safe', states: 60_000, trace: [] });
  });

  it('shows the shortest way to what is wrong', () => {
    const { outcome, trace } = check(counter(1000, 5));

    expect(outcome).toBe('violated');
    expect(trace).toHaveLength(4);
    expect(trace.slice(0, 3).sort()).toEqual(['+1', '+2', '+2']);
    expect(trace.at(-1)).toBe('reached');
  });

  it('looks at the initial state too', () => {
    expect(check(counter(10, 0)).trace).toEqual(['reached']);
  });

  it('says when it stopped before the end', () => {
    expect(check(counter(60_000), 1000).outcome).toBe('bounded');
  });
});
