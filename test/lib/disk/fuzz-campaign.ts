import { runFuzzCase } from './fuzz-cases.ts';

/** `node test/lib/disk/fuzz-campaign.ts [cases] [first seed]`: as many cases as wanted, and how they ended. Stops at the first failure. */
const cases = Number(process.argv[2] ?? 100_000);
const firstSeed = Number(process.argv[3] ?? 1);
const counts = new Map<string, number>();
for (let seed = firstSeed; seed < firstSeed + cases; seed += 1) {
  const { ranges, stream } = await runFuzzCase(seed);
  for (const outcome of [`ranges: ${ranges}`, `stream: ${stream}`]) {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  if (seed % 100_000 === 0)
    console.log(`seed ${seed}, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`);
}
for (const [outcome, count] of [...counts].sort(([a], [b]) => a.localeCompare(b)))
  console.log(`${outcome}: ${count}`);
