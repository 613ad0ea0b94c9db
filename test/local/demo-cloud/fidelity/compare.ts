export interface Difference {
  recording: string;
  /** `status`, `header <name>` or `body.<path>`, list indexes as `[]`. */
  path: string;
  recorded: unknown;
  actual: unknown;
}

/** Values that differ from one run to the next even on the same cloud, by what they look like. */
const passing: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/g, '<time with microseconds>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, '<time>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b[0-9a-f]{128}\b/g, '<sha512>'],
  [/\b[0-9a-f]{64}\b/g, '<sha256>'],
  [/\b[0-9a-f]{56}\b/g, '<sha224>'],
  [/\b[0-9a-f]{32}\b/g, '<32 hex digits>'],
  [/fa:16:3e(:[0-9a-f]{2}){3}/g, '<mac>'],
  [/127\.0\.0\.1:\d+/g, '<host>'],
  [/^gAAAAA.+$/g, '<token>'],
];

function normalized(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return passing.reduce((text, [pattern, name]) => text.replace(pattern, name), value);
}

/** All places at which two JSON values differ in kind, in keys, or in a value that should be the same. */
export function* bodyDifferences(
  recorded: unknown,
  actual: unknown,
  path = 'body',
): Iterable<Omit<Difference, 'recording'>> {
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    if (recorded.length !== actual.length) {
      yield { path: `${path}.length`, recorded: recorded.length, actual: actual.length };
    }
    for (const [index, item] of actual.entries()) {
      const like = recorded.length === actual.length ? [recorded[index]] : recorded;
      yield* fewest(like.map((each) => [...bodyDifferences(each, item, `${path}[]`)]));
    }
    return;
  }
  if (isObject(recorded) && isObject(actual)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(actual)])) {
      const there = Object.hasOwn(recorded, key) ? recorded[key] : absent;
      const here = Object.hasOwn(actual, key) ? actual[key] : absent;
      yield* bodyDifferences(there, here, `${path}.${key}`);
    }
    return;
  }
  const same = normalized(recorded) === normalized(actual);
  if (!same) yield { path, recorded, actual };
}

/** Lists of different lengths: each item is compared with the one that it is most like. */
const fewest = <T>(candidates: T[][]): T[] =>
  candidates.toSorted((one, other) => one.length - other.length)[0] ?? [];

const absent = '<absent>';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const ignoredHeaders = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);
/** Their values are lengths and random; that they are there is what is compared. */
const presenceOnly = new Set([
  'content-length',
  'x-openstack-request-id',
  'x-compute-request-id',
  'x-subject-token',
]);

export function* headerDifferences(
  recorded: readonly [string, string][],
  actual: readonly [string, string][],
): Iterable<Omit<Difference, 'recording'>> {
  const there = headerMap(recorded);
  const here = headerMap(actual);
  for (const name of new Set([...there.keys(), ...here.keys()])) {
    if (there.get(name) !== here.get(name)) {
      yield { path: `header ${name}`, recorded: there.get(name), actual: here.get(name) };
    }
  }
}

function headerMap(headers: readonly [string, string][]): Map<string, string> {
  const map = new Map<string, string>();
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    if (ignoredHeaders.has(name)) continue;
    const shown = presenceOnly.has(name) ? '<present>' : String(normalized(value));
    const before = map.get(name);
    map.set(name, before === undefined ? shown : `${before}, ${shown}`);
  }
  return map;
}
