import { before, type KeepRules } from './keep-rules.ts';
import { type Period, periodNames } from './periods.ts';

/** A COMMITTED checkpoint of a server, as retention sees it. */
export interface Candidate {
  readonly checkpoint: string;
  /** Milliseconds since the epoch, by the clock of whoever made it. */
  readonly createdAt: number;
  /** When it was last proven; undefined: never. */
  readonly provenAt: number | undefined;
  /** False where verification found damage that is not repaired. */
  readonly isGood: boolean;
}

export interface Decision {
  readonly checkpoint: string;
  readonly createdAt: number;
  readonly keep: boolean;
  /** Why it stays, or the one reason why it goes. */
  readonly reasons: readonly string[];
}

export interface RetentionOptions {
  readonly rules: KeepRules;
  /** IANA name; says where days, weeks, … begin. */
  readonly timeZone: string;
  readonly now: number;
}

const PERIODS: readonly Period[] = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];

/**
 * Which of one server's checkpoints stay, newest first. Goes by the checkpoints' own times; their order here says nothing.
 *
 * Whatever the rules say, these stay: the newest one, the newest good one and all after it, the newest that was proven and the one that was
 * proven last, and those from the future, whose clock was wrong: they count for no rule either, so that they displace nothing. A rule never takes a damaged checkpoint in
 * the place of a good one.
 */
export function decideRetention(
  candidates: readonly Candidate[],
  { rules, timeZone, now }: RetentionOptions,
): Decision[] {
  const newestFirst = candidates.toSorted(byAge);
  const reasons = new Map<string, string[]>(newestFirst.map(({ checkpoint }) => [checkpoint, []]));
  const keep = ({ checkpoint }: Candidate, reason: string) => {
    const known = reasons.get(checkpoint);
    if (known !== undefined && !known.includes(reason)) known.push(reason);
  };
  const past = newestFirst.filter(({ createdAt }) => createdAt <= now);
  for (const one of newestFirst) if (one.createdAt > now) keep(one, 'from the future');

  applyRules(past, rules, timeZone, keep);
  // Once more with the damaged ones: much of them can often be read.
  if (past.some(({ isGood }) => !isGood)) {
    const good = past.filter(({ isGood }) => isGood);
    applyRules(good, rules, timeZone, keep);
  }
  protect(past, keep);
  return newestFirst.map(({ checkpoint, createdAt }) => {
    const why = reasons.get(checkpoint) ?? [];
    return why.length > 0
      ? { checkpoint, createdAt, keep: true, reasons: why }
      : { checkpoint, createdAt, keep: false, reasons: ['no rule keeps it'] };
  });
}

type Keep = (candidate: Candidate, reason: string) => void;

function applyRules(
  newestFirst: readonly Candidate[],
  rules: KeepRules,
  timeZone: string,
  keep: Keep,
): void {
  const [newest] = newestFirst;
  if (newest === undefined) return;
  for (const one of newestFirst.slice(0, rules.last ?? 0)) keep(one, 'last');
  const namesOf = periodNames(timeZone);
  const named = newestFirst.map((one) => ({ one, names: namesOf(one.createdAt) }));
  for (const period of PERIODS) {
    const seen = new Set<string>();
    for (const { one, names } of named) {
      if (seen.size >= (rules[period] ?? 0)) break;
      if (seen.has(names[period])) continue;
      seen.add(names[period]);
      keep(one, period);
    }
  }
  if (rules.within === undefined) return;
  // From the newest one, not from now: where no backups are made any more, the old ones must not run out.
  const since = before(newest.createdAt, rules.within);
  for (const one of newestFirst) if (one.createdAt >= since) keep(one, 'within');
}

function protect(newestFirst: readonly Candidate[], keep: Keep): void {
  const [newest] = newestFirst;
  if (newest !== undefined) keep(newest, 'newest');
  const newestGood = newestFirst.findIndex(({ isGood }) => isGood);
  const unreplaced = newestGood < 0 ? newestFirst : newestFirst.slice(0, newestGood);
  for (const one of unreplaced) keep(one, 'no newer good one');
  const good = newestFirst[newestGood];
  if (good !== undefined) keep(good, 'newest good one');
  const proven = newestFirst.filter(({ isGood, provenAt }) => isGood && provenAt !== undefined);
  const [newestProven] = proven;
  if (newestProven !== undefined) keep(newestProven, 'newest verified');
  const latest = proven.toSorted((one, other) => (other.provenAt ?? 0) - (one.provenAt ?? 0))[0];
  if (latest !== undefined) keep(latest, 'last verified');
}

function byAge(one: Candidate, other: Candidate): number {
  if (one.createdAt !== other.createdAt) return other.createdAt - one.createdAt;
  return one.checkpoint < other.checkpoint ? -1 : 1;
}
