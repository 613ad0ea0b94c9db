import { describe, expect, it } from 'vitest';
import { check } from './checker.ts';
import { SeriesProtocol, type SeriesRule, seriesRules, type Wish } from './series-protocol.ts';

const wishes: Wish[][] = [
  ['commit', 'commit', 'look'],
  ['commit', 'fence', 'look'],
  ['commit', 'renew', 'fence'],
  ['commit', 'prune', 'collect'],
];

const wrongWithout: Record<SeriesRule, Wish[]> = {
  nothingDeletedAlive: ['commit', 'renew', 'fence'],
  tombstone: ['commit', 'fence'],
  writerLooksForTombstone: ['commit', 'fence'],
  readerLooksForTombstone: ['commit', 'fence'],
  writeIdCompared: ['commit', 'fence'],
};

describe('compare-and-set on a store that can only create', () => {
  it.each(wishes)('tells each writer the truth: %s, %s, %s', (...processes) => {
    const { outcome, trace } = check(new SeriesProtocol(processes));

    expect({ outcome, trace }).toEqual({ outcome: 'safe', trace: [] });
  });

  it.each(Object.keys(seriesRules) as SeriesRule[])('needs every rule: %s', (rule) => {
    const { outcome, trace } = check(new SeriesProtocol(wrongWithout[rule], [rule]));

    expect(outcome).toBe('violated');
    expect(trace.at(-1)).toMatch(/^(UNTRUE|RESURRECTED): /);
  });
});
