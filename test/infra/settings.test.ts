import { describe, expect, it } from 'vitest';
import { retentionOf } from '../../infra/retention.ts';
import { Settings } from '../../infra/settings.ts';
import { settingsWith } from './synthesised.ts';

const settings = settingsWith();
const plan = settings.plans[0];

describe('the settings of a deployment', () => {
  it.each([
    [
      'more functions at once than the account has',
      { serversAtOnce: 20, rangesAtOnce: 60 },
      /1204/,
    ],
    ['two plans of one name', { plans: [plan, plan] }, /same name/],
    [
      'two ways to choose servers that are none',
      { plans: [{ ...plan, name: 'No Name' }] },
      /a-z, 0-9/,
    ],
    [
      'a time zone that is none',
      { plans: [{ ...plan, timeZone: 'Europe/Viena' }] },
      /no time zone. Near: Europe\/Vienna/,
    ],
    ['a schedule that is none', { plans: [{ ...plan, schedule: 'nightly' }] }, /cron/],
    [
      'two places in one',
      {
        register: { bucket: 'one-bucket', prefix: 'a' },
        work: { bucket: 'one-bucket', prefix: 'a' },
      },
      /one place/,
    ],
    [
      'versions for a bucket that is there',
      { bank: { ...settings.bank, bucket: 'my-bucket', keepDeletedDays: 1 } },
      /bucket that is made/,
    ],
    [
      'a locked bank whose register lies in its bucket',
      {
        bank: { ...settings.bank, bucket: 'my-bucket', lockDays: 1 },
        register: { bucket: 'my-bucket', prefix: 'register' },
      },
      /other buckets/,
    ],
    [
      'no room for the webhook',
      {
        serversAtOnce: 19,
        rangesAtOnce: 10,
        partsAtOnce: 10,
        lambdaConcurrency: 200,
        webhook: { secret: 'x' },
      },
      /5 for the webhook/,
    ],
    [
      'rules that keep nothing',
      { plans: [{ ...plan, prune: { schedule: 'rate(7 days)', keep: {} } }] },
      /at least one rule/,
    ],
    ['a mistyped name', { serverAtOnce: 1 }, /serverAtOnce/],
  ])('refuse %s', (_what, changes, message) => {
    const result = Settings.safeParse({ ...settings, ...changes });

    expect(result.error?.message).toMatch(message);
  });

  it('refuse a retention that CloudWatch Logs does not know', () => {
    expect(retentionOf(90)).toBe(90);
    expect(() => retentionOf(91)).toThrow(/must be one of 1, 3, 5/);
  });
});
