import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadCloudConfig } from '../../lib/openstack/cloud-config.ts';
import { connectOpenStack } from '../../lib/openstack/connect.ts';
import type { OpenStack } from '../../lib/openstack/open-stack.ts';

type Environment = Readonly<Record<string, string>>;

/** The running lab, as the tests' user sees it. */
export interface Lab {
  /** OS_* and LAB_* variables. */
  readonly env: Environment;
  readonly openstack: OpenStack;
}

export async function connectLab(): Promise<Lab> {
  const env = labEnvironment(join(import.meta.dirname, 'lab.sh'));
  const config = await loadCloudConfig({ env, cwd: '/', home: homedir() });
  return { env, openstack: connectOpenStack(config) };
}

/** The same lab as seen with other credentials: what is undefined is taken away. */
export async function labAs(
  lab: Lab,
  credentials: Readonly<Record<string, string | undefined>>,
): Promise<Lab> {
  const given = Object.entries({ ...lab.env, ...credentials });
  const env = Object.fromEntries(
    given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  const config = await loadCloudConfig({ env, cwd: '/', home: homedir() });
  return { env, openstack: connectOpenStack(config) };
}

/** What `lab.sh env` of a lab prints; throws when that lab is not up. */
export function labEnvironment(script: string): Environment {
  const lines = execFileSync('bash', [script, 'env'], { encoding: 'utf8' }).split('\n');
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^export (\w+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(pairs);
}
