import { InvalidInput } from '../errors.ts';
import { nearNames } from '../protect/near-names.ts';

export type Period = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';

/** Names the hour, day, … of a time zone in which a moment lies. Equal names: the same one. */
export type PeriodNames = (milliseconds: number) => Readonly<Record<Period, string>>;

const DAY_MILLISECONDS = 24 * 3_600_000;

/** Throws `InvalidInput` for a time zone that is not in the IANA database. */
export function periodNames(timeZone: string): PeriodNames {
  const format = formatFor(timeZone);
  return (milliseconds) => {
    const parts = new Map(
      format.formatToParts(milliseconds).map(({ type, value }) => [type, value] as const),
    );
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
    const yearly = part('year');
    const monthly = `${yearly}-${part('month')}`;
    const daily = `${monthly}-${part('day')}`;
    return {
      yearly,
      monthly,
      weekly: isoWeek(Date.UTC(Number(yearly), Number(part('month')) - 1, Number(part('day')))),
      daily,
      // When clocks are set back an hour comes twice: its offset tells which.
      hourly: `${daily}T${part('hour')}${part('timeZoneName')}`,
    };
  };
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-u-ca-iso8601', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'longOffset',
    });
  } catch (cause) {
    const near = nearZones(timeZone);
    throw new InvalidInput(
      `"${timeZone}" is no time zone. ${near.length === 0 ? 'Give a name such as Europe/Vienna or UTC.' : `Near: ${near.join(', ')}.`}`,
      { cause },
    );
  }
}

/** Zones that may have been meant: mistyped, or called by the city alone. */
function nearZones(word: string): string[] {
  const zones = Intl.supportedValuesOf('timeZone');
  const byName = nearNames(word, zones);
  if (byName.length > 0) return byName;
  const cities = new Map(zones.map((zone) => [zone.slice(zone.lastIndexOf('/') + 1), zone]));
  return nearNames(word.replaceAll(' ', '_'), cities.keys()).flatMap(
    (city) => cities.get(city) ?? [],
  );
}

/** ISO 8601: a week belongs to the year of its Thursday. */
function isoWeek(dayMilliseconds: number): string {
  const weekday = (new Date(dayMilliseconds).getUTCDay() + 6) % 7;
  const thursday = dayMilliseconds + (3 - weekday) * DAY_MILLISECONDS;
  const year = new Date(thursday).getUTCFullYear();
  const week = Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * DAY_MILLISECONDS)) + 1;
  return `${year}-W${String(week).padStart(2, '0')}`;
}
