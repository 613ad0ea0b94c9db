import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs before the tests: without its services there is nothing to test, and to skip would look like success. */
export function setup(): void {
  const script = join(import.meta.dirname, 'lab.sh');
  try {
    execFileSync('bash', [script, 'status'], { stdio: 'pipe' });
  } catch (error) {
    throw new Error('The OpenStack lab is not up. Start it: npm run lab:openstack -- up', {
      cause: error,
    });
  }
}
