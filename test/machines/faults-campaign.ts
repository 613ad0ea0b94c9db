import { runWithSeed } from './seeded-faults.ts';

/** `node test/machines/faults-campaign.ts [seeds] [first seed]`: as many seeded runs as wanted, and how they ended. Names each failed seed. */
const seeds = Number(process.argv[2] ?? 300);
const firstSeed = Number(process.argv[3] ?? 1);
const counts = new Map<string, number>();
const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  try {
    const run = await runWithSeed(seed);
    count(`backup: ${run.backup}`);
    count(`restore: ${run.restore}`);
    count('faults of requests', run.requestFaults);
    count('faults of stores', run.storeFaults);
  } catch (error) {
    console.log(`seed ${String(seed)}:`, error);
    count('FAILED SEEDS');
    process.exitCode = 1;
  }
}
for (const [what, times] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(`${what}: ${String(times)}`);
}
