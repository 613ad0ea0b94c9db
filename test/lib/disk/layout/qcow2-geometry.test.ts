import { expect, it } from 'vitest';
import { ChunkRanks } from '../../../../lib/disk/layout/chunk-ranks.ts';
import { qcow2Geometry } from '../../../../lib/disk/layout/qcow2-geometry.ts';

it('counts every cluster in just enough refcount blocks, the blocks and their table included', () => {
  const perBlock = 512 / 2;
  const perTable = 512 / 8;
  for (let chunks = 0; chunks < 3 * perBlock * perTable; chunks += 1 + Math.floor(chunks / 1000)) {
    const map = {
      guestSizeBytes: chunks * 512,
      chunkSizeBytes: 512,
      chunksPerSegment: 2 ** 20,
      nonHoleCount: () => chunks,
      bitmap: async () => new Uint8Array(),
    };
    const geometry = qcow2Geometry(map, new ChunkRanks(map));

    expect(geometry.refcountBlocks).toBe(Math.ceil(geometry.clusters / perBlock));
    expect(geometry.refcountTableClusters).toBe(Math.ceil(geometry.refcountBlocks / perTable));
    expect(geometry.clusters).toBe(geometry.dataStart + chunks);
  }
});
