import { execFileSync } from 'node:child_process';

/** Gives the tests the lab's variables, as `lab.sh env` prints them, unless they are set already. */
export default function setup(): void {
  if (process.env['S3_LAB_BUCKET'] !== undefined) return;
  const lines = execFileSync('bash', ['test/s3-lab/lab.sh', 'env'], { encoding: 'utf8' });
  for (const [, name = '', value] of lines.matchAll(/^export (\w+)=(.*)$/gm)) {
    process.env[name] = value;
  }
}
