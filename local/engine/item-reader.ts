import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import type { MapState } from './definition.ts';
import type { Json } from './json.ts';
import { evaluateTo, type Scope } from './scope.ts';
import { StateFailure } from './state-failure.ts';

/** The items of a Map: an array, or the array or the lines of an object that ItemReader names. */
export async function readItems(
  scope: Scope,
  reader: NonNullable<MapState['ItemReader']>,
): Promise<Json[]> {
  const place = 'ItemReader/Arguments';
  const bucket = await evaluateTo('string', scope, reader.Arguments.Bucket, `${place}/Bucket`);
  const key = await evaluateTo('string', scope, reader.Arguments.Key, `${place}/Key`);
  const fail = (why: string) => {
    throw new StateFailure('States.ItemReaderFailed', `${bucket}/${key}: ${why}`);
  };
  try {
    const bytes = await placeOf(scope, bucket).get(key, { signal: scope.signal });
    const items = parse(Buffer.from(bytes).toString('utf8'), reader.ReaderConfig.InputType);
    return Array.isArray(items) ? items : fail('Attempting to map over non-iterable node.');
  } catch (error) {
    scope.signal.throwIfAborted();
    if (error instanceof StateFailure) throw error;
    return fail((error as Error).message);
  }
}

function parse(text: string, type: 'JSON' | 'JSONL'): Json {
  if (type === 'JSON') return JSON.parse(text) as Json;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => JSON.parse(line) as Json);
}

/** The place that stands for a bucket. Throws an ordinary error where nothing does. */
export function placeOf(scope: Scope, bucket: string): ObjectStore {
  const { objects = {} } = scope.run.options;
  const place = Object.hasOwn(objects, bucket) ? objects[bucket] : undefined;
  if (place === undefined) throw new Error(`there is no bucket ${bucket} here`);
  return place;
}
