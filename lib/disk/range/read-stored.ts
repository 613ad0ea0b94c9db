import { storedLength, type Extent } from './extent.ts';
import { joinRuns, type JoinLimits } from './join-runs.ts';
import type { ReadBytes } from './read-bytes.ts';
import { settleAll } from './settle-all.ts';

const mebibyte = 2 ** 20;
/** Tables lie between the clusters of a run; reading 64 KiB along costs less than one more request. */
const dataRuns: JoinLimits = { runBytes: 16 * mebibyte, gapBytes: 2 ** 16, wasteRatio: 1 };

/** The bytes of the image file that hold each extent, read in as few runs as their places allow. */
export async function readStored(
  extents: readonly Extent[],
  read: ReadBytes,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const stored: Uint8Array[] = [];
  const ranges = extents.map((extent, index) => ({
    offset: extent.host,
    length: storedLength(extent),
    index,
  }));
  await settleAll(
    joinRuns(ranges, dataRuns).map(async (run) => {
      const bytes = await read(run.offset, run.length, signal);
      for (const { offset, length, index } of run.ranges) {
        stored[index] = bytes.subarray(offset - run.offset, offset - run.offset + length);
      }
    }),
  );
  return stored;
}
