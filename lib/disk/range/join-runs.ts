export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** One read of the image file that serves several ranges. */
export interface Run<T extends FileRange> extends FileRange {
  readonly ranges: readonly T[];
}

export interface JoinLimits {
  /** Largest run; a single range that is larger is a run of its own. */
  runBytes: number;
  /** Largest gap that is read along and thrown away. */
  gapBytes: number;
  /** Bytes thrown away per byte wanted, at most: bounds what a run can cost. */
  wasteRatio: number;
}

/**
 * Joins ranges of a file (in any order, overlapping or not) into few runs, ascending by offset. Every range lies whole in its run.
 */
export function joinRuns<T extends FileRange>(ranges: readonly T[], limits: JoinLimits): Run<T>[] {
  const ascending = ranges.toSorted((a, b) => a.offset - b.offset);
  const runs: Run<T>[] = [];
  let members: T[] = [];
  let start = 0;
  let end = 0;
  let wasted = 0;
  const close = (): void => {
    if (members.length > 0) runs.push({ offset: start, length: end - start, ranges: members });
  };
  for (const range of ascending) {
    const gap = Math.max(0, range.offset - end);
    const grown = Math.max(end, range.offset + range.length);
    const useful = end - start - wasted;
    const joins =
      members.length > 0 &&
      gap <= limits.gapBytes &&
      wasted + gap <= limits.wasteRatio * useful &&
      grown - start <= limits.runBytes;
    if (joins) {
      members.push(range);
      end = grown;
      wasted += gap;
    } else {
      close();
      members = [range];
      start = range.offset;
      end = range.offset + range.length;
      wasted = 0;
    }
  }
  close();
  return runs;
}
