/** Bytes a second that one Lambda function reads and writes; measured by others, see docs/aws.md. */
export const BYTES_PER_SECOND = 70_000_000;
export const GIB = 1024 ** 3;

/** What is simulated: a night of backups, or the restore of one disk. */
export interface Scenario {
  readonly title: string;
  readonly machine: 'backup' | 'restore';
  readonly servers: number;
  readonly diskBytes: number;
  /** Of the disk, since the checkpoint before. */
  readonly changed: number;
  readonly serversAtOnce: number;
  readonly rangesAtOnce: number;
  readonly partsAtOnce: number;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    title: '10,000 servers of 20 GiB, 2 % changed',
    machine: 'backup',
    servers: 10_000,
    diskBytes: 20 * GIB,
    changed: 0.02,
    serversAtOnce: 100,
    rangesAtOnce: 4,
    partsAtOnce: 4,
  },
  {
    title: 'One server of 10 TiB, first backup',
    machine: 'backup',
    servers: 1,
    diskBytes: 10_240 * GIB,
    changed: 1,
    serversAtOnce: 1,
    rangesAtOnce: 40,
    partsAtOnce: 4,
  },
  {
    title: 'Restore of 10 TiB by web-download, checked',
    machine: 'restore',
    servers: 1,
    diskBytes: 10_240 * GIB,
    changed: 1,
    serversAtOnce: 1,
    rangesAtOnce: 4,
    partsAtOnce: 40,
  },
];
