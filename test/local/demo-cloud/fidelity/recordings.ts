import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A request to a real OpenStack and its answer. */
export interface Recording {
  name: string;
  request: {
    method: string;
    url: string;
    headers: [string, string][];
    body: unknown;
  };
  response: {
    status: number;
    reason: string;
    headers: [string, string][];
    body: unknown;
  };
}

const directory = join(import.meta.dirname, '../../../openstack-recorded');

export const recordingNames: readonly string[] = readdirSync(directory)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

export function recording(name: string): Recording {
  return JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as Recording;
}
