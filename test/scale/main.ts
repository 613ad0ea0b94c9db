/** `npm run bench:scale [servers] [GiB] [checkpoints]`: figures of many servers, a large disk and many checkpoints, on the demo cloud. */
import { backUpLargeDisk } from './large-disk.ts';
import { type Cost, keepManyCheckpoints } from './many-checkpoints.ts';
import { backUpManyServers } from './many-servers.ts';
import type { Memory } from './memory.ts';

const [servers = 300, diskGiB = 2048, checkpoints = 1000] = process.argv.slice(2).map(Number);

function print(title: string, lines: Record<string, string | number>): void {
  process.stdout.write(`\n${title}\n`);
  for (const [what, value] of Object.entries(lines)) {
    const text = typeof value === 'string' ? value : (Math.round(value * 1000) / 1000).toString();
    process.stdout.write(`  ${what.padEnd(44)} ${text}\n`);
  }
}

const memories = (memory: readonly Memory[]) =>
  memory.map(({ rssMiB, liveMiB }) => `${String(rssMiB)} (${String(liveMiB)})`).join(', ');

const costOf = ({ seconds, register, all }: Cost) =>
  `${seconds.toFixed(3)} s, ${all.toFixed(1)} requests (${register.toFixed(1)} of the register)`;

if (servers > 0) {
  const scale = { servers, hosts: 10, serversAtOnce: 60, snapshotsPerHost: 5 };
  const many = await backUpManyServers(scale);
  print(`${String(servers)} servers on ${String(scale.hosts)} compute hosts, in one run`, {
    'backed up': many.succeeded,
    'left behind': many.leftovers.length,
    'servers at once (of 60)': many.mostAtOnce,
    'snapshots of one host at once (of 5)': many.mostSnapshotsOfOneHost,
    'events of the longest history': many.longestHistory,
    'time [s]': many.seconds,
    'a server [ms]': (many.seconds / servers) * 1000,
    'RSS (alive) by quarters [MiB]': memories(many.memory),
  });
}
if (diskGiB > 0) {
  const large = await backUpLargeDisk(diskGiB);
  for (const [index, backup] of large.backups.entries()) {
    const { seconds, readMiB, newMiB, storedMiB, memory } = backup;
    print(`${index === 0 ? 'First' : 'Second'} backup of a sparse disk of ${String(diskGiB)} GiB`, {
      'time [s]': seconds,
      'read, new, stored [MiB]': [readMiB, newMiB, storedMiB]
        .map((mib) => mib.toFixed(1))
        .join(', '),
      'RSS (alive) before, after [MiB]': memories([large.before, memory]),
    });
  }
  print('Objects of both', { count: large.objects });
}
if (checkpoints > 0) {
  const kept = await keepManyCheckpoints(checkpoints);
  print(`${String(kept.checkpoints)} checkpoints of one server`, {
    'a backup, after a tenth of them': costOf(kept.earlyBackup),
    'a backup, the last of them': costOf(kept.lateBackup),
    'list all': costOf(kept.list),
    'verify all records': costOf(kept.verifyRecords),
    prune: costOf(kept.prune),
    pruned: kept.pruned,
    'RSS (alive) by quarters [MiB]': memories(kept.memory),
  });
}
