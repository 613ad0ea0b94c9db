import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { rules } from './rules.ts';

/**
 * `npm run campaign:rules -- [most seeds] [rule]`: leaves each rule of the code out and says after how many seeds the interleavings find
 * that something is lost, and what. Fails where they do not.
 */
const mostSeeds = process.argv[2] ?? '300';
const only = process.argv[3];

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
for (const [name, { says, store = 'memory' }] of Object.entries(rules)) {
  if (only !== undefined && only !== name) continue;
  const campaign = [here('campaign.ts'), mostSeeds, '1', store, 'first'];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', here('leave-out.ts'), ...campaign],
    {
      env: { ...process.env, SNAPBANK_LEFT_OUT: name },
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  const [, seed, what] = /^seed ([0-9]+): (.*)$/m.exec(stdout) ?? [];
  const found = seed === undefined ? `NOT FOUND in ${mostSeeds} seeds` : `seed ${seed}`;
  console.log(`${name} (${says})\n    ${found}: ${what ?? stderr.slice(0, 2000)}`);
  if (seed === undefined) process.exitCode = 1;
}
