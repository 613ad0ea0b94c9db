import { liveDays } from './thirty-days.ts';

/** `node test/machines/days-campaign.ts [seeds] [days] [first seed]`: every second one is troubled. Names each failed seed. */
const seeds = Number(process.argv[2] ?? 10);
const days = Number(process.argv[3] ?? 30);
const firstSeed = Number(process.argv[4] ?? 1);
const sums = new Map<string, number>();
for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  try {
    const report = await liveDays({ seed, days, servers: 2, troubled: seed % 2 === 0 });
    console.log(`seed ${String(seed)}: ${JSON.stringify(report)}`);
    for (const [name, value] of Object.entries(report)) {
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
  } catch (error) {
    console.log(`seed ${String(seed)} FAILED:`, error);
    process.exitCode = 1;
  }
}
console.log(`all: ${JSON.stringify(Object.fromEntries(sums))}`);
