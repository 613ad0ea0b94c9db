import type { Stretch } from './extent.ts';
import type { Limit } from './limit.ts';
import type { FilledStretch } from './pieces.ts';
import { settleAll } from './settle-all.ts';

/**
 * Inflations under way at once. They run on libuv's threads (four by default); twice as many keep those busy while this thread
 * takes results (measured on two cores: 500 MB/s, against 370 MB/s with the synchronous calls, which would also block everything else).
 */
export const inflationsAtOnce = 8;

/** Gives a stretch its bytes: `stored[i]` are those of the image file that hold `extents[i]`. */
export async function fill(
  { start, end, extents }: Stretch,
  stored: readonly Uint8Array[],
  limit: Limit,
): Promise<FilledStretch> {
  const filled = extents.map(async (extent, index) => {
    const bytes = stored[index]!;
    if (extent.kind === 'plain') return { guest: extent.guest, bytes };
    const cluster = await limit(() => extent.inflate(bytes, extent.host));
    return {
      guest: extent.guest,
      bytes: cluster.subarray(extent.skip, extent.skip + extent.length),
    };
  });
  return { start, end, filled: await settleAll(filled) };
}
