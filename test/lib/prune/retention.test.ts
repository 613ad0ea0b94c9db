import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { before, KeepRules } from '../../../lib/prune/keep-rules.ts';
import { periodNames } from '../../../lib/prune/periods.ts';
import { type Candidate, decideRetention } from '../../../lib/prune/retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 5, 15, 12);

function candidate(createdAt: number, more: Partial<Candidate> = {}): Candidate {
  const checkpoint = new Date(createdAt).toISOString();
  return { checkpoint, createdAt, provenAt: undefined, isGood: true, ...more };
}

function kept(
  candidates: readonly Candidate[],
  rules: KeepRules,
  options: { timeZone?: string; now?: number } = {},
): string[] {
  return decideRetention(candidates, { rules, timeZone: 'UTC', now: NOW, ...options })
    .filter(({ keep }) => keep)
    .map(({ checkpoint }) => checkpoint);
}

const days = (...numbers: number[]) => numbers.map((number) => candidate(NOW - number * DAY));
const iso = (...candidates: Candidate[]) => candidates.map(({ checkpoint }) => checkpoint);

/** An hourly checkpoint each, from then on. */
const hours = (from: string, count: number) =>
  Array.from({ length: count }, (_, n) => candidate(Date.parse(from) + n * HOUR + 60_000));

/** Zones that change their clocks by an hour or by half of one, in the north and in the south. */
const CHANGING = [
  'Europe/Vienna',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Beirut',
  'America/Santiago',
] as const;

/** By zone: the hours of 2026 at which its clocks are changed. */
const CHANGES = new Map(CHANGING.map((timeZone) => [timeZone, changesOf(timeZone)]));

function changesOf(timeZone: string): number[] {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  const offsetAt = (at: number) => format.format(at).replace(/.*GMT/, '');
  const from = (begin: number, count: number, step: number) =>
    Array.from({ length: count }, (_, n) => begin + n * step).filter(
      (at) => offsetAt(at) !== offsetAt(at + step),
    );
  return from(Date.UTC(2026, 0), 365, DAY).flatMap((day) => from(day, 24, HOUR));
}

describe('retention', () => {
  it('keeps the newest of each day, week, month and year', () => {
    const all = Array.from({ length: 800 }, (_, number) => candidate(NOW - number * 12 * HOUR));

    expect(kept(all, { daily: 3 })).toEqual(iso(...days(0, 1, 2)));
    expect(kept(all, { yearly: 2 })).toEqual([
      '2026-06-15T12:00:00.000Z',
      '2025-12-31T12:00:00.000Z',
    ]);
    expect(kept(all, { monthly: 2 })).toEqual([
      '2026-06-15T12:00:00.000Z',
      '2026-05-31T12:00:00.000Z',
    ]);
    // 15 June 2026 is a Monday.
    expect(kept(all, { weekly: 2 })).toEqual([
      '2026-06-15T12:00:00.000Z',
      '2026-06-14T12:00:00.000Z',
    ]);
  });

  it('counts days that have a checkpoint, not days without', () => {
    expect(kept(days(0, 10, 20, 30), { daily: 3 })).toEqual(iso(...days(0, 10, 20)));
  });

  it('adds rules up', () => {
    expect(kept(days(0, 1, 2, 40, 80), { last: 2, monthly: 3 })).toEqual(
      iso(...days(0, 1, 40, 80)),
    );
  });

  it('measures a span from the newest checkpoint, so that nothing runs out where no backups are made', () => {
    const old = days(400, 401, 420, 500);

    expect(kept(old, { within: '30d' })).toEqual(iso(...days(400, 401, 420)));
  });

  it('goes by calendar months', () => {
    expect(new Date(before(Date.UTC(2026, 2, 31), '1m')).toISOString()).toContain('2026-02-28');
    expect(new Date(before(Date.UTC(2024, 1, 29), '1y')).toISOString()).toContain('2023-02-28');
    expect(before(NOW, '1w2d3h')).toBe(NOW - 9 * DAY - 3 * HOUR);
  });

  it('begins days where the time zone does', () => {
    // 23:30 and 00:30 in Vienna, on one day of UTC.
    const evening = candidate(Date.UTC(2026, 0, 9, 22, 30));
    const night = candidate(Date.UTC(2026, 0, 9, 23, 30));

    expect(kept([evening, night], { daily: 5 })).toEqual(iso(night));
    expect(kept([evening, night], { daily: 5 }, { timeZone: 'Europe/Vienna' })).toEqual(
      iso(night, evening),
    );
  });

  it('takes the hour that comes twice when clocks are set back for two', () => {
    const names = periodNames('Europe/Vienna');
    const summer = Date.UTC(2026, 9, 25, 0, 30);

    expect(names(summer).hourly).not.toBe(names(summer + HOUR).hourly);
    expect(names(summer).daily).toBe(names(summer + HOUR).daily);
  });

  it('puts the days around New Year into the weeks of ISO 8601', () => {
    const { weekly } = periodNames('UTC')(Date.UTC(2027, 0, 3));
    expect(weekly).toBe('2026-W53');
    expect(periodNames('UTC')(Date.UTC(2024, 11, 30)).weekly).toBe('2025-W01');
  });

  it('lets checkpoints from the future stay, and displace nothing', () => {
    const future = candidate(NOW + 5 * DAY);

    expect(kept([future, ...days(0, 1, 2)], { last: 1 })).toEqual(iso(future, ...days(0)));
  });

  it('lets everything stay when the clock of whoever prunes was set back', () => {
    const all = days(0, 1, 2, 3);
    expect(kept(all, { last: 1 }, { now: NOW - 100 * DAY })).toEqual(iso(...all));
  });

  it('lets no damaged one take the place of a good one, nor count as a newer good one', () => {
    const damaged = candidate(NOW, { isGood: false });
    const sameDay = candidate(NOW - HOUR);

    expect(kept([damaged, sameDay, ...days(1)], { last: 1 })).toEqual(iso(damaged, sameDay));
    expect(kept([damaged, candidate(NOW - DAY, { isGood: false })], { last: 1 })).toHaveLength(2);
  });

  it('lets the last verified ones stay', () => {
    const proven = candidate(NOW - 90 * DAY, { provenAt: NOW - 80 * DAY });
    const provenLater = candidate(NOW - 99 * DAY, { provenAt: NOW - DAY });

    expect(kept([...days(0, 1), proven, provenLater], { last: 1 })).toEqual(
      iso(...days(0), proven, provenLater),
    );
  });

  it('refuses rules that keep nothing, and spans and zones that there are not', () => {
    expect(KeepRules.safeParse({}).success).toBe(false);
    expect(KeepRules.safeParse({ last: 0 }).success).toBe(false);
    expect(KeepRules.safeParse({ within: '' }).success).toBe(false);
    expect(KeepRules.safeParse({ within: '3 days' }).success).toBe(false);
    expect(() => periodNames('Mars/Olympus')).toThrow(/no time zone/);
  });

  const count = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });
  const rules = fc
    .record({
      last: count,
      hourly: count,
      daily: count,
      weekly: count,
      monthly: count,
      yearly: count,
      within: fc.option(fc.constantFrom('5d', '2m', '36h'), { nil: undefined }),
    })
    .map((all) => JSON.parse(JSON.stringify(all)) as KeepRules)
    .filter((all) => Object.keys(all).length > 0);
  const candidates = fc
    .uniqueArray(
      fc.record({
        hoursAgo: fc.integer({ min: -200, max: 20_000 }),
        proven: fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }),
        isGood: fc.boolean(),
      }),
      { selector: ({ hoursAgo }) => hoursAgo, maxLength: 40 },
    )
    .map((all) =>
      all.map(({ hoursAgo, proven, isGood }) =>
        candidate(NOW - hoursAgo * HOUR, {
          isGood,
          provenAt: proven === undefined ? undefined : NOW - proven * HOUR,
        }),
      ),
    );
  const zones = fc.constantFrom('UTC', 'Europe/Vienna', 'America/St_Johns', 'Pacific/Apia');

  it('keeps what must stay, in whatever order it is told of them, and lets the same go when asked again', () => {
    fc.assert(
      fc.property(
        candidates,
        rules,
        zones,
        fc.infiniteStream(fc.boolean()),
        (all, rule, timeZone, coin) => {
          const stays = new Set(kept(all, rule, { timeZone }));
          const goes = all.filter(({ checkpoint }) => !stays.has(checkpoint));
          const newest = all.toSorted((one, other) => other.createdAt - one.createdAt);
          const past = newest.filter(({ createdAt }) => createdAt <= NOW);

          for (const one of newest)
            if (one.createdAt > NOW) expect(stays).toContain(one.checkpoint);
          if (past[0] !== undefined) expect(stays).toContain(past[0].checkpoint);
          const verified = past.filter(
            ({ isGood, provenAt }) => isGood && provenAt !== undefined,
          )[0];
          if (verified !== undefined) expect(stays).toContain(verified.checkpoint);
          for (const gone of goes) {
            const newer = past.filter(
              ({ createdAt, isGood }) => isGood && createdAt > gone.createdAt,
            );
            expect(newer.some(({ checkpoint }) => stays.has(checkpoint))).toBe(true);
          }
          expect(new Set(kept([...all].reverse(), rule, { timeZone }))).toEqual(stays);
          // A run that was cut off in the middle, and is repeated, lets nothing else go.
          const left = all.filter(({ checkpoint }) => stays.has(checkpoint) || coin.next().value);
          expect(new Set(kept(left, rule, { timeZone }))).toEqual(stays);
        },
      ),
      { numRuns: 150 },
    );
  });

  /** Moments of 30 years, of them half within some hours of a change of the zone's clocks. */
  const placed = fc.constantFrom(...CHANGING).chain((timeZone) => {
    const changes = CHANGES.get(timeZone) ?? [];
    const near = fc
      .record({ change: fc.nat(changes.length - 1), minutes: fc.integer({ min: -150, max: 150 }) })
      .map(({ change, minutes }) => (changes[change] ?? 0) + minutes * 60_000);
    const any = fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2045, 0) });
    return fc.record({ timeZone: fc.constant(timeZone), moment: fc.oneof(near, any) });
  });
  const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

  it('puts no moment between two of one hour, day, week, month or year elsewhere, however clocks are changed', () => {
    fc.assert(
      fc.property(
        placed,
        fc.array(fc.oneof(fc.nat(180), fc.nat(40 * 24 * 60)), { minLength: 2, maxLength: 2 }),
        ({ moment: begin, timeZone }, minutes) => {
          const namesOf = periodNames(timeZone);
          const [later = 0, latest = 0] = minutes.toSorted((one, other) => one - other);
          const [first, between, last] = [0, later, latest].map((m) => namesOf(begin + m * 60_000));
          for (const period of periods) {
            if (first?.[period] !== last?.[period]) continue;
            expect(between?.[period], `${timeZone} ${period}`).toBe(first?.[period]);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('takes no hour for longer than an hour, and no day for longer than 25', () => {
    fc.assert(
      fc.property(placed, ({ moment, timeZone }) => {
        const namesOf = periodNames(timeZone);
        const names = namesOf(moment);
        expect(namesOf(moment + HOUR).hourly).not.toBe(names.hourly);
        expect(namesOf(moment + 25 * HOUR).daily).not.toBe(names.daily);
        expect(namesOf(moment + 7 * DAY + HOUR).weekly).not.toBe(names.weekly);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps an hourly checkpoint of each of the 23, 24 or 25 hours of a day, also where clocks are changed', () => {
    const now = Date.UTC(2027, 0);
    for (const [from, count] of [
      ['2026-03-28T23:00:00Z', 23],
      ['2026-03-29T22:00:00Z', 24],
      ['2026-10-24T22:00:00Z', 25],
    ] as const) {
      const day = hours(from, count);
      const before = hours(new Date(Date.parse(from) - DAY).toISOString(), 20);
      const options = { timeZone: 'Europe/Vienna', now };
      expect(kept([...before, ...day], { hourly: count }, options)).toEqual(
        iso(...day.toReversed()),
      );
      expect(kept([...before, ...day], { daily: 1 }, options)).toEqual(iso(...day.slice(-1)));
    }
  });

  it('only keeps more when the clock of whoever prunes is set back, and takes nothing before its time back that it let go', () => {
    fc.assert(
      fc.property(
        candidates,
        rules,
        zones,
        fc.integer({ min: 0, max: 20_000 }),
        (all, rule, timeZone, hoursBack) => {
          const now = kept(all, rule, { timeZone });
          const setBack = kept(all, rule, { timeZone, now: NOW - hoursBack * HOUR });
          expect(now.filter((one) => !setBack.includes(one))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('lets go only what is older than a good one that stays, when clocks of backups jumped, ahead or back', () => {
    // Made one after the other, by a clock that is at times hours, weeks or years wrong.
    const jumps = fc.array(
      fc.record({
        step: fc.integer({ min: 1, max: 48 }),
        wrongBy: fc.constantFrom(0, 0, 0, -9000, -5, 6, 400, 90_000),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(jumps, rules, zones, (made, rule, timeZone) => {
        let at = NOW - 60 * DAY;
        const all = made.map(({ step, wrongBy }, n) => {
          at += step * HOUR;
          return candidate(at + wrongBy * HOUR + n, { isGood: n % 5 !== 3 });
        });
        const now = at + HOUR;
        const stays = new Set(kept(all, rule, { timeZone, now }));
        for (const one of all) {
          // One from the future counts for nothing, and stays until its time has come.
          if (one.createdAt > now) expect(stays).toContain(one.checkpoint);
          if (stays.has(one.checkpoint)) continue;
          const newer = all.filter(
            ({ checkpoint, createdAt, isGood }) =>
              stays.has(checkpoint) && isGood && createdAt > one.createdAt && createdAt <= now,
          );
          expect(newer.length, one.checkpoint).toBeGreaterThan(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps of n days at least n checkpoints, if there are so many days', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 1, max: 9 }), zones, (all, daily, timeZone) => {
        const past = all.filter(({ createdAt }) => createdAt <= NOW);
        const names = periodNames(timeZone);
        const daysThere = new Set(past.map(({ createdAt }) => names(createdAt).daily)).size;
        const stays = kept(past, { daily }, { timeZone });
        const daysKept = new Set(stays.map((one) => names(Date.parse(one)).daily)).size;
        expect(daysKept).toBeGreaterThanOrEqual(Math.min(daily, daysThere));
      }),
      { numRuns: 100 },
    );
  });
});
