import { ObjectNotFound } from '../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../lib/bank/store/object-store.ts';
import type { Json } from '../../../local/engine/json.ts';

type Places = Pick<ObjectStore, 'get' | 'put'>;

/** Of a work place what Maps use: objects in memory. */
export function memoryStore(contents: Record<string, string>) {
  const objects = new Map(Object.entries(contents).map(([key, text]) => [key, Buffer.from(text)]));
  const places: Places = {
    get: (key) => {
      const body = objects.get(key);
      return body === undefined
        ? Promise.reject(new ObjectNotFound(`there is no object ${key}`))
        : Promise.resolve(body);
    },
    put: (key, body) => {
      objects.set(key, Buffer.from(body));
      return Promise.resolve();
    },
  };
  const json = (key: string) => JSON.parse(String(objects.get(key))) as Json;
  return Object.assign(places as ObjectStore, { objects, json });
}
