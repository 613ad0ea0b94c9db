import { describe, expect, it } from 'vitest';
import { reportRun } from '../../../functions/report-run.ts';

const execution = 'arn:aws:states:eu-central-1:123456789012:execution:snapbank-backup:nightly-1';

function event(detailType: string, data: unknown) {
  const startedAt = '2026-01-31T02:00:00.000Z';
  return {
    source: 'snapbank',
    'detail-type': detailType,
    time: '2026-01-31T02:30:00Z',
    detail: { metadata: { version: '1', execution, startedAt }, data },
  };
}

const backup = {
  total: 3,
  succeeded: 2,
  failed: 1,
  readBytes: 300,
  newBytes: 20,
  storedBytes: 10,
  outcomesKey: 'outcomes/x.json',
  failures: [],
};

describe('the metrics of a run', () => {
  it('count servers, bytes and seconds of a backup, in the embedded metric format', () => {
    const line = JSON.parse(reportRun(event('Backup Failed', backup), 'snapbank') ?? '');

    expect(line).toMatchObject({
      Stack: 'snapbank',
      Machine: 'backup',
      execution,
      Failed: 1,
      Duration: 1800,
      ServersSucceeded: 2,
      ServersFailed: 1,
      BytesRead: 300,
      BytesNew: 20,
      BytesStored: 10,
    });
    const { _aws: embedded } = line;
    const [{ Namespace, Dimensions, Metrics }] = embedded.CloudWatchMetrics;
    expect(embedded.Timestamp).toBe(Date.parse('2026-01-31T02:30:00Z'));
    expect(Namespace).toBe('snapbank');
    // An execution is no dimension: each would be a metric of its own, and be paid for.
    expect(Dimensions).toEqual([['Stack', 'Machine']]);
    expect(Metrics).toContainEqual({ Name: 'BytesRead', Unit: 'Bytes' });
    for (const { Name } of Metrics) expect(line[Name]).toEqual(expect.any(Number));
  });

  it.each([
    ['Backup Failed', { error: 'AuthenticationFailed' }, { Machine: 'backup', Failed: 1 }],
    ['Restore Completed', { bytes: 7 }, { Machine: 'restore', BytesRestored: 7, Failed: 0 }],
    ['Restore Failed', { error: 'ImportFailed' }, { Machine: 'restore', Failed: 1 }],
    [
      'Collection Completed',
      {
        dryRun: false,
        listed: { objects: 9, bytes: 90 },
        dead: { objects: 1, bytes: 5 },
        deleted: { objects: 1, bytes: 5 },
        retained: { objects: 0, bytes: 0 },
        buriedCheckpoints: 0,
        fencedCheckpoints: 0,
      },
      { Machine: 'collect-garbage', BytesDeleted: 5 },
    ],
  ])('of %s say what its data tells', (type, data, expected) => {
    expect(JSON.parse(reportRun(event(type, data), 's') ?? '')).toMatchObject(expected);
  });

  it('are none of an event that tells of no run', () => {
    expect(reportRun(event('Something Else', {}), 's')).toBeUndefined();
    expect(() => reportRun({ hello: 'world' }, 's')).toThrow(/no event that a machine published/);
  });
});
