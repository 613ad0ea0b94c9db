import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkImage, fuzzImage } from './fuzz-cases.ts';

/**
 * `node test/lib/disk/fuzz-campaign.ts [cases] [first seed]`: as many cases as wanted, and how they ended. A case that fails is named,
 * and its image kept in the corpus, where `npm test` reads it from then on.
 */
const cases = Number(process.argv[2] ?? 100_000);
const firstSeed = Number(process.argv[3] ?? 1);
/** Of the process: images are small, so what it holds is what reading takes. */
const mostMemoryMib = 512;
const counts = new Map<string, number>();
const count = (outcome: string) => counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
const peakMib = () => Math.round(process.resourceUsage().maxRSS / 1024);

for (let seed = firstSeed; seed < firstSeed + cases; seed += 1) {
  const file = fuzzImage(seed);
  try {
    const { ranges, stream } = await checkImage(file, seed);
    count(`ranges: ${ranges}`);
    count(`stream: ${stream}`);
  } catch (error) {
    console.log(`seed ${seed}:`, error);
    writeFileSync(join(import.meta.dirname, 'corpus', `seed-${seed}.qcow2`), file);
    count('FAILED');
    process.exitCode = 1;
  }
  if (seed % 50_000 === 0) console.log(`seed ${seed}, at most ${peakMib()} MiB`);
}
for (const [outcome, times] of [...counts].sort(([a], [b]) => a.localeCompare(b)))
  console.log(`${outcome}: ${times}`);
console.log(`memory: at most ${peakMib()} MiB`);
if (peakMib() > mostMemoryMib) process.exitCode = 1;
