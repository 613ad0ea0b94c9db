import { execFileSync } from 'node:child_process';
import { interrupt } from './interrupt.ts';

/**
 * `node test/interruption/kills-campaign.ts [interruptions] [first seed] [signals]`: backups and restores that are interrupted at seeded
 * moments, by a signal that the seed draws of those given (joined by commas), seed after seed until there were so many, and how they ended. With the S3 lab up, every third run has its bank there. Names
 * each failed seed.
 */
const wanted = Number(process.argv[2] ?? 200);
const firstSeed = Number(process.argv[3] ?? 1);
const USUAL_SIGNALS = `${'SIGKILL,'.repeat(5)}SIGTERM,SIGINT`;
const [first = 'SIGKILL', ...more] = (process.argv[4] ?? USUAL_SIGNALS).split(
  ',',
) as NodeJS.Signals[];
const signals = [first, ...more] as const;

function s3Lab() {
  try {
    const lines = execFileSync('bash', ['test/s3-lab/lab.sh', 'env'], { encoding: 'utf8' });
    const found = [...lines.matchAll(/^export (\w+)=(.*)$/gm)];
    const env = Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]));
    // The SDK of this process finds its credentials there.
    Object.assign(process.env, env);
    return { env, bucket: env['S3_LAB_BUCKET'] ?? 'lab' };
  } catch {
    return undefined;
  }
}

const s3 = s3Lab();
const counts = new Map<string, number>();
const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
let interruptions = 0;
let seed = firstSeed;
for (; interruptions < wanted; seed += 1) {
  const machine = seed % 2 === 0 ? 'backup' : 'restore';
  const place = s3 !== undefined && seed % 3 === 0 ? 's3' : 'directory';
  try {
    const run = await interrupt({ seed, signals, machine, s3: place === 's3' ? s3 : undefined });
    interruptions += run.interruptions.length;
    for (const signal of run.interruptions) count(signal);
    count(`${machine}, ${place}: runs`);
    count(`${machine}, ${place}: interrupted`, run.interruptions.length);
    if (run.continued) count(`${machine}, ${place}: continued`);
    count('segments finished before an interruption', run.finishedSegments);
    count('bytes of them read again', run.reReadBytes);
    if (run.snapshots > 1) count('two snapshots of a checkpoint at once');
    if (process.env['DEBUG'] !== undefined)
      console.log(seed, Math.round(performance.now() / 1000), run.description);
  } catch (error) {
    console.log(`seed ${String(seed)}:`, error);
    count('FAILED SEEDS');
    interruptions += 1;
    process.exitCode = 1;
  }
}
count('last seed', seed - 1);
for (const [what, times] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(`${what}: ${String(times)}`);
}
process.exit();
