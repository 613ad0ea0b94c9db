import { readFileSync } from 'node:fs';

/** What a real OpenStack answered once (test/openstack-recorded). */
export interface Recorded {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

interface Recording {
  response: { status: number; headers: [string, string][]; body: unknown };
}

/** Headers that the test's own server sets. */
const OF_THE_CONNECTION = new Set(['connection', 'content-length', 'date', 'transfer-encoding']);

export function recorded(name: string): Recorded {
  const file = new URL(`../../openstack-recorded/${name}.json`, import.meta.url);
  const { response } = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const headers = response.headers.filter(([key]) => !OF_THE_CONNECTION.has(key.toLowerCase()));
  return { status: response.status, headers: Object.fromEntries(headers), body: response.body };
}
