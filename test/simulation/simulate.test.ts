import { describe, expect, it } from 'vitest';
import { BACKUP_COSTS } from '../../infra/cost-estimate.ts';
import { costsOf } from './costs.ts';
import { GIB, SCENARIOS } from './scenario.ts';
import { simulate } from './simulate.ts';

describe('the simulation', () => {
  it.each(SCENARIOS)(
    '$title: stays within the limits of AWS (with at most 40 servers)',
    async (scenario) => {
      const servers = Math.min(scenario.servers, 40);

      const { status, tally, parts } = await simulate({ ...scenario, servers });

      expect(status).toBe('SUCCEEDED');
      expect([...tally.failures]).toEqual([]);
      expect(tally.largestPayloadBytes).toBeLessThan(256 * 1024);
      expect(tally.largestHistory).toBeLessThan(25_000);
      expect(tally.longestFunctionSeconds).toBeLessThan(900);
      expect(parts).toBeLessThanOrEqual(10_000);
    },
  );

  it('is about the same disks in the same numbers of executions, however many servers there are', async () => {
    const [backups] = SCENARIOS;
    if (backups === undefined) throw new Error('There is no scenario.');
    const { tally: one } = await simulate({ ...backups, servers: 1 });
    const { tally: ten } = await simulate({ ...backups, servers: 10 });

    // The machine's own, and of each server its own, its disk's, and one for each of the 20 segments.
    expect(one.executions).toBe(1 + 22);
    expect(ten.executions).toBe(1 + 10 * 22);
    expect(ten.functionsAtOnce).toBe(10 * backups.rangesAtOnce);
  });

  it('costs about what the dashboard estimates', async () => {
    for (const scenario of SCENARIOS.filter(({ machine }) => machine === 'backup')) {
      const servers = Math.min(scenario.servers, 40);
      const { tally, storedBytes } = await simulate({ ...scenario, servers });
      const { transitions, lambda, requests, logs } = costsOf(tally, storedBytes);
      const { perServer, perGibRead, perGibStored } = BACKUP_COSTS;

      const estimate =
        servers * perServer +
        ((servers * scenario.diskBytes) / GIB) * perGibRead +
        (storedBytes / GIB) * perGibStored;

      expect(estimate / (transitions + lambda + requests + logs)).toBeCloseTo(1, 0);
      expect(Math.abs(estimate / (transitions + lambda + requests + logs) - 1)).toBeLessThan(0.4);
    }
  });

  it('finds what does not: a snapshot that is awaited for a week fills the history', async () => {
    const [, large] = SCENARIOS;
    if (large === undefined) throw new Error('There is no scenario.');

    const { tally } = await simulate({ ...large, diskBytes: large.diskBytes * 10 });

    expect([...tally.failures]).toEqual(['States.Runtime']);
    // Its iteration of the Map over the disks ends before the execution does.
    expect(tally.largestHistory).toBeGreaterThan(24_900);
  });

  it('calls a function again for the rest of a range that takes longer than it may run', async () => {
    const [, large] = SCENARIOS;
    if (large === undefined) throw new Error('There is no scenario.');

    // 28 TiB: 400 ranges of 72 segments, of which one function does 50 or so.
    const { tally, status } = await simulate({ ...large, diskBytes: large.diskBytes * 2.8 });

    expect(status).toBe('SUCCEEDED');
    expect([...tally.failures]).toEqual([]);
    expect(tally.longestFunctionSeconds).toBeGreaterThan(780);
    expect(tally.longestFunctionSeconds).toBeLessThan(900);
  });
});
