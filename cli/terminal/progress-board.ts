import { formatBytes, formatDuration, formatRate, percentOf } from './format.ts';
import type { Noun, ProgressRow, RowState } from './progress.ts';

export interface Totals {
  rows: number;
  finished: number;
  failed: number;
  waiting: number;
  doneBytes: number;
  totalBytes: number;
  /** Undefined until enough time has passed to tell. */
  bytesPerSecond: number | undefined;
  /** Undefined while any row's size is unknown or nothing moves. */
  remainingMilliseconds: number | undefined;
}

/** Throughput is that of the last while, so that a pause or a burst shows soon and does not jump about. */
const windowMilliseconds = 15_000;
const shortestWindowMilliseconds = 1_000;

/** The rows of a run as last reported, in the order in which they first came, and what they add up to. */
export class ProgressBoard {
  readonly #rows = new Map<string, ProgressRow>();
  readonly #samples: { at: number; doneBytes: number }[] = [];

  /** Takes in a row and returns what it was before. */
  update(row: ProgressRow): ProgressRow | undefined {
    const before = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    return before;
  }

  running(): ProgressRow[] {
    return [...this.#rows.values()].filter((row) => row.state === 'running');
  }

  /** Adds up the rows and measures the throughput; to be called every now and then, with the time of the call. */
  totals(now: number): Totals {
    const sum = { rows: this.#rows.size, finished: 0, failed: 0, waiting: 0 };
    let doneBytes = 0;
    let totalBytes = 0;
    let sizesKnown = true;
    for (const row of this.#rows.values()) {
      if (isFinished(row.state)) sum.finished += 1;
      if (row.state === 'failed') sum.failed += 1;
      if (row.state === 'waiting') sum.waiting += 1;
      doneBytes += row.doneBytes ?? 0;
      totalBytes += row.totalBytes ?? row.doneBytes ?? 0;
      if (row.totalBytes === undefined && !isFinished(row.state)) sizesKnown = false;
    }
    const bytesPerSecond = this.#measure(now, doneBytes);
    const leftBytes = Math.max(0, totalBytes - doneBytes);
    const remainingMilliseconds =
      sizesKnown && bytesPerSecond !== undefined && bytesPerSecond > 0
        ? (leftBytes / bytesPerSecond) * 1000
        : undefined;
    return { ...sum, doneBytes, totalBytes, bytesPerSecond, remainingMilliseconds };
  }

  #measure(now: number, doneBytes: number): number | undefined {
    const samples = this.#samples;
    const last = samples.at(-1);
    if (last === undefined || now > last.at) samples.push({ at: now, doneBytes });
    else last.doneBytes = doneBytes;
    const outdated = samples.findIndex((sample) => now - sample.at <= windowMilliseconds);
    if (outdated > 0) samples.splice(0, outdated);
    const oldest = samples[0];
    if (oldest === undefined || now - oldest.at < shortestWindowMilliseconds) return undefined;
    return Math.max(0, ((doneBytes - oldest.doneBytes) / (now - oldest.at)) * 1000);
  }
}

export function isFinished(state: RowState): boolean {
  return state === 'done' || state === 'failed';
}

/** `1.2 GiB of 2.8 GiB`, or only what is done where the whole is unknown; empty where nothing is known. */
export function bytesText(row: ProgressRow): string {
  if (row.doneBytes === undefined) return '';
  if (row.totalBytes === undefined || isFinished(row.state)) return formatBytes(row.doneBytes);
  return `${formatBytes(row.doneBytes)} of ${formatBytes(row.totalBytes)}`;
}

export function percentText(row: ProgressRow): string {
  return row.totalBytes === undefined ? '' : `${percentOf(row.doneBytes ?? 0, row.totalBytes)} %`;
}

/** The totals as parts of a line: rows, bytes, throughput, remaining time. */
export function totalsText(totals: Totals, noun: Noun): string[] {
  const parts = [
    `${totals.finished} of ${totals.rows} ${totals.rows === 1 ? noun.one : noun.many}`,
  ];
  if (totals.failed > 0) parts.push(`${totals.failed} failed`);
  if (totals.totalBytes > 0) {
    parts.push(`${formatBytes(totals.doneBytes)} of ${formatBytes(totals.totalBytes)}`);
  }
  if (totals.bytesPerSecond !== undefined && totals.finished < totals.rows) {
    parts.push(formatRate(totals.bytesPerSecond));
  }
  if (totals.remainingMilliseconds !== undefined && totals.finished < totals.rows) {
    parts.push(`ETA ${formatDuration(totals.remainingMilliseconds)}`);
  }
  return parts;
}
