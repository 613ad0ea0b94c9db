import { formatBytes } from '../../cli/terminal/format.ts';
import type { BackupSummary, Run } from './snapbank.ts';

/** Prints what a backup read and stored, to be set beside what its guest is known to have changed. */
export function printBackupFigures(title: string, run: Run<BackupSummary>): void {
  for (const server of run.summary.servers) {
    const figures = [
      `disk ${bytes(server.diskBytes)}`,
      `read ${bytes(server.readBytes)}`,
      `new ${bytes(server.newBytes)}`,
      `stored ${bytes(server.storedBytes)}`,
      `${run.seconds.toFixed(1)} s`,
    ];
    printFigures(title, `${server.name}: ${figures.join(', ')}`);
  }
}

export function printFigures(title: string, text: string): void {
  console.log(`${title}: ${text}`);
}

function bytes(count: number | null): string {
  return count === null ? 'none' : formatBytes(count);
}
