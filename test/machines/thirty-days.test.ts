import { expect, it } from 'vitest';
import { liveDays } from './thirty-days.ts';

it('a bank loses nothing and keeps no garbage while writers die and a collector runs for a week', async () => {
  const report = await liveDays({ seed: 2, days: 7, servers: 2, troubled: true });

  expect(report).toMatchObject({ backups: 14, restored: 3, verifications: 1 });
  expect(report.pruned).toBeGreaterThan(0);
  expect(report.deaths).toBeGreaterThan(0);
}, 240_000);
