import type { ReadBytes } from '../range/read-bytes.ts';
import { joinRuns, type JoinLimits } from '../range/join-runs.ts';
import { orderedMap } from '../range/ordered-map.ts';
import { settleAll } from '../range/settle-all.ts';
import type { Qcow2Header } from './header.ts';
import type { L1Table } from './l1-table.ts';

/**
 * Consecutive L2 entries, the unit in which tables are loaded: a part of a table, a table, or several tables in guest order, so that
 * memory and requests are the same for clusters of 512 bytes and of 2 MiB.
 */
export interface L2Group {
  /** First guest cluster that the group maps. */
  readonly firstCluster: number;
  readonly clusters: number;
  /** The entries as they are in the file, or null where no cluster has one. */
  readonly entries: Uint8Array | null;
}

/** What of the file a group is made of: `length` bytes of a table at `offset`, which go to `target` in the group. */
interface TablePart {
  readonly offset: number;
  readonly length: number;
  readonly target: number;
}

const groupBytes = 2 ** 16;
/** Tables of small clusters lie between their data: reading that along is cheaper than a request for each. */
const tableRuns: JoinLimits = { runBytes: 2 ** 20, gapBytes: 2 ** 16, wasteRatio: Infinity };
const groupsAhead = 4;
const cachedGroups = 16;

export function clustersPerGroup({ extendedL2 }: Qcow2Header, bytes: number): number {
  return bytes / (extendedL2 ? 16 : 8);
}

/** The parts of tables that make up the group which starts at `firstCluster`; L1 entries of zero have none. */
function tableParts(
  { clusterSizeBytes, l2Entries }: Qcow2Header,
  l1: L1Table,
  firstCluster: number,
  bytes: number,
): TablePart[] {
  const entryBytes = clusterSizeBytes / l2Entries;
  const within = (firstCluster % l2Entries) * entryBytes;
  const length = Math.min(bytes, clusterSizeBytes);
  const parts: TablePart[] = [];
  let index = Math.floor(firstCluster / l2Entries);
  for (let target = 0; target < bytes && index < l1.length; target += length, index += 1) {
    const table = l1[index]!;
    if (table !== 0) parts.push({ offset: table + within, length, target });
  }
  return parts;
}

/** Loads groups by ranged reads, a few ahead of their use, and keeps the last ones for the next range. */
export class L2Groups {
  readonly #header: Qcow2Header;
  readonly #l1: L1Table;
  readonly #cache = new Map<number, Uint8Array>();

  constructor(header: Qcow2Header, l1: L1Table) {
    this.#header = header;
    this.#l1 = l1;
  }

  /** The groups that map `[start, end)`, in ascending order. */
  load(
    start: number,
    end: number,
    read: ReadBytes,
    signal: AbortSignal,
  ): AsyncGenerator<L2Group, void, undefined> {
    const clusters = clustersPerGroup(this.#header, groupBytes);
    const span = clusters * this.#header.clusterSizeBytes;
    async function* firstClusters(): AsyncGenerator<number, void, undefined> {
      for (let group = Math.floor(start / span); group * span < end; group += 1) {
        yield group * clusters;
      }
    }
    return orderedMap(
      firstClusters,
      async (firstCluster, signal) => ({
        firstCluster,
        clusters,
        entries: await this.#entries(firstCluster, read, signal),
      }),
      { ahead: groupsAhead, signal },
    );
  }

  async #entries(
    firstCluster: number,
    read: ReadBytes,
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    const parts = tableParts(this.#header, this.#l1, firstCluster, groupBytes);
    if (parts.length === 0) return null;
    const cached = this.#cache.get(firstCluster);
    if (cached !== undefined) return cached;
    const entries = new Uint8Array(groupBytes);
    await settleAll(
      joinRuns(parts, tableRuns).map(async (run) => {
        const bytes = await read(run.offset, run.length, signal);
        for (const { offset, length, target } of run.ranges) {
          entries.set(bytes.subarray(offset - run.offset, offset - run.offset + length), target);
        }
      }),
    );
    this.#cache.set(firstCluster, entries);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= cachedGroups) break;
      this.#cache.delete(oldest);
    }
    return entries;
  }
}
