import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ObjectNotFound,
  RangeOutsideObject,
  UploadIncomplete,
  UploadNotFound,
} from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { InvalidInput } from '../../../../lib/errors.ts';

/** An empty place, opened twice as two processes would, and gone after `remove`. */
export interface TestPlace {
  store: ObjectStore;
  other: ObjectStore;
  remove(): Promise<void>;
}

/** Least size of a part in S3. */
const PART = 5 * 1024 * 1024;

const ODD_KEYS =
  `a - _/-._ a..b/c. A/z0-9_.Z ${'x'.repeat(255)}/${'y'.repeat(254)}/z d${'/d'.repeat(255)}`.split(
    ' ',
  );
const NO_KEYS = [
  ...' / /a a/ a//b . .. ../a a/../b a/./b .tmp/a a/.hidden a\\b a\0b a\nb ä a%2f..'.split(' '),
  'a b',
  'x'.repeat(256),
  `d${'/d'.repeat(256)}`,
];

/** The contract of `ObjectStore`, as tests that every implementation passes. */
export function describeObjectStore(
  name: string,
  openPlace: () => Promise<TestPlace>,
  { presigns }: { presigns: boolean },
): void {
  describe(`${name} as an object store`, () => {
    let place: TestPlace;
    let store: ObjectStore;
    let other: ObjectStore;

    beforeEach(async () => {
      place = await openPlace();
      ({ store, other } = place);
    });

    afterEach(async () => {
      await place.remove();
    });

    describe('put, get and size', () => {
      it.each([0, 1, 65_537, 3_000_000])('gives back %i bytes as they were put', async (length) => {
        const bytes = randomBytes(length);

        await store.put('packs/a', bytes);

        expect(same(await other.get('packs/a'), bytes)).toBe(true);
        expect(await other.size('packs/a')).toBe(length);
      });

      it('stores a view of a larger buffer, as it was when it was put', async () => {
        const buffer = randomBytes(1000);
        const view = buffer.subarray(100, 200);
        const bytes = Buffer.from(view);

        await store.put('a', view);
        buffer.fill(0);

        expect(same(await store.get('a'), bytes)).toBe(true);
      });

      it('overwrites an object', async () => {
        await store.put('a', randomBytes(5000));
        await store.put('a', text('second'));

        expect(await read(other, 'a')).toBe('second');
        expect(await other.size('a')).toBe(6);
      });

      it('knows no size of an object that is not there, and cannot read it', async () => {
        await store.put('there/is', text('x'));

        for (const key of ['absent', 'there', 'there/no', 'there/is/none']) {
          expect(await store.size(key)).toBeUndefined();
          await expect(store.get(key)).rejects.toThrow(ObjectNotFound);
          await expect(store.get(key, { range: { offset: 0, length: 1 } })).rejects.toThrow(
            ObjectNotFound,
          );
        }
      });

      it('shows an object whole or not at all while it is written again', async () => {
        const versions = [1, 2, 3].map((value) => Buffer.alloc(700_000, value));
        await store.put('a', versions[0] ?? text(''));

        const writing = Promise.all(versions.map((bytes) => store.put('a', bytes)));
        const seen = await Promise.all(Array.from({ length: 8 }, () => other.get('a')));
        await writing;

        for (const bytes of seen) {
          expect(versions.some((version) => same(bytes, version))).toBe(true);
        }
      });
    });

    describe('ranges', () => {
      it('reads any range as a slice of the object', async () => {
        const bytes = randomBytes(10_000);
        await store.put('a', bytes);

        await fc.assert(
          fc.asyncProperty(fc.nat(9_999), fc.nat(9_999), async (a, b) => {
            const [offset, end] = [Math.min(a, b), Math.max(a, b) + 1];
            const range = { offset, length: end - offset };
            expect(same(await store.get('a', { range }), bytes.subarray(offset, end))).toBe(true);
          }),
          {
            numRuns: 15,
            examples: [
              [0, 0],
              [9_999, 9_999],
              [0, 9_999],
            ],
          },
        );
      });

      it('refuses a range that leaves the object, and never gives fewer bytes', async () => {
        await store.put('a', randomBytes(100));
        await store.put('empty', text(''));

        for (const [key, offset, length] of [
          ['a', 0, 101],
          ['a', 99, 2],
          ['a', 100, 1],
          ['a', 5000, 10],
          ['empty', 0, 1],
        ] as const) {
          await expect(store.get(key, { range: { offset, length } })).rejects.toThrow(
            RangeOutsideObject,
          );
        }
      });

      it.each([
        [-1, 5],
        [0, 0],
        [0, -1],
        [0.5, 1],
        [0, Number.NaN],
        [Number.MAX_SAFE_INTEGER, 2],
      ])('refuses to read at %d the length %d', async (offset, length) => {
        await store.put('a', text('hello'));

        await expect(store.get('a', { range: { offset, length } })).rejects.toThrow(InvalidInput);
      });
    });

    describe('keys', () => {
      it('takes every key of the alphabet, up to the longest', async () => {
        for (const key of ODD_KEYS) {
          await store.put(key, text('here'));

          expect(await read(other, key)).toBe('here');
          expect(await keysOf(other)).toEqual([key]);
          await store.delete([key]);
          expect(await keysOf(other)).toEqual([]);
        }
      });

      it('refuses in every call what is no key', async () => {
        for (const key of NO_KEYS) {
          const upload = { key, uploadId: 'none' };
          const body = text('x');
          const calls = [
            () => store.put(key, body),
            () => store.putIfAbsent(key, body),
            () => store.get(key),
            () => store.size(key),
            () => store.delete(['a', key]),
            () => store.startUpload(key),
            () => store.putPart(upload, { number: 1, offset: 0 }, body),
            () => store.completeUpload(upload, 1),
            () => store.abortUpload(upload),
          ];
          for (const call of calls) await expect(call(), key).rejects.toThrow(InvalidInput);
        }
        expect(await keysOf(store)).toEqual([]);
      });

      it('refuses a prefix that leads out of the place', async () => {
        for (const prefix of ['../', '/', 'a/../', '.', 'a//', 'a b']) {
          await expect(keysOf(store, prefix)).rejects.toThrow(InvalidInput);
        }
      });
    });

    describe('list', () => {
      it('lists nothing of an empty place', async () => {
        expect(await keysOf(store)).toEqual([]);
        expect(await keysOf(store, 'packs/')).toEqual([]);
      });

      it('lists by the bytes of the keys, where a folder sorts as its name with a slash', async () => {
        const keys = ['a-b', 'a.b', 'a/b', 'a/b-', 'a0', 'aa/b/c', 'aa/b0', 'B', '_', 'b/c'];
        await Promise.all(keys.map((key) => store.put(key, text(key))));

        expect(await keysOf(other)).toEqual(sorted(keys));
      });

      it('lists sizes and times', async () => {
        await store.put('a', randomBytes(1234));
        await store.put('b', text(''));

        const [a, b] = await collect(other.list(''));

        expect(a?.sizeBytes).toBe(1234);
        expect(b?.sizeBytes).toBe(0);
        expect(Math.abs((a?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(120_000);
      });

      it('lists what the prefix and the start leave of the keys', async () => {
        await fc.assert(
          fc.asyncProperty(keySets, starts, starts, async (keys, prefix, startAfter) => {
            await Promise.all(keys.map((key) => store.put(key, text('x'))));

            const listed = await keysOf(store, prefix, startAfter);

            await store.delete(keys);
            expect(listed).toEqual(
              sorted(keys.filter((key) => key.startsWith(prefix) && key > startAfter)),
            );
          }),
          { numRuns: 12 },
        );
      });

      it('goes on behind a key inside a folder', async () => {
        const keys = ['c/1', 'd/1', 'd/2', 'd/2-', 'd/3/1', 'd/3/2', 'e/1'];
        await Promise.all(keys.map((key) => store.put(key, text('x'))));

        for (const [index, key] of keys.entries()) {
          expect(await keysOf(store, '', key)).toEqual(keys.slice(index + 1));
        }
      });

      it('can be left before its end', async () => {
        await Promise.all(['a', 'b', 'c'].map((key) => store.put(key, text('x'))));

        for await (const { key } of store.list('')) {
          expect(key).toBe('a');
          break;
        }
      });
    });

    describe('delete', () => {
      it('deletes what is there, and counts what is not as deleted', async () => {
        await Promise.all(['a/1', 'a/2', 'b'].map((key) => store.put(key, text('x'))));

        await store.delete(['a/1', 'never', 'a/never', 'a', 'b/never', 'b', 'b']);
        await store.delete([]);

        expect(await keysOf(other)).toEqual(['a/2']);
        expect(await other.size('a/1')).toBeUndefined();
      });

      it('deletes more keys than one request may hold', async () => {
        const keys = Array.from({ length: 2500 }, (_, index) => `many/${index}`);
        const present = keys.filter((_, index) => index % 500 === 499);
        await Promise.all(present.map((key) => store.put(key, text('x'))));

        await store.delete(keys);

        expect(await keysOf(other)).toEqual([]);
      });

      it('never takes an object that is written beside those deleted', async () => {
        const rounds = Array.from({ length: 20 }, (_, index) => `r/x/${index}`);
        for (const key of rounds) {
          await store.put(`${key}/old`, text('old'));
          await Promise.all([store.delete([`${key}/old`]), other.put(`${key}/new`, text('new'))]);
        }

        expect(await keysOf(store, 'r/')).toEqual(sorted(rounds.map((key) => `${key}/new`)));
      });
    });

    describe('putIfAbsent', () => {
      it('creates an object once, and leaves the first as it is', async () => {
        expect(await store.putIfAbsent('records/1', text('first'))).toBe(true);
        expect(await other.putIfAbsent('records/1', text('second'))).toBe(false);
        expect(await store.putIfAbsent('records/1', text('first'))).toBe(false);

        expect(await read(other, 'records/1')).toBe('first');
        expect(await keysOf(other, 'records/')).toEqual(['records/1']);
      });

      it('creates an object again that was deleted', async () => {
        await store.putIfAbsent('a', text('first'));
        await store.delete(['a']);

        expect(await other.putIfAbsent('a', text('second'))).toBe(true);
        expect(await read(store, 'a')).toBe('second');
      });

      it('does not create over an object that was put', async () => {
        await store.put('a', text('first'));

        expect(await store.putIfAbsent('a', text('second'))).toBe(false);
        expect(await read(store, 'a')).toBe('first');
      });

      it('lets exactly one of 32 writers win, and keeps what that one wrote', async () => {
        for (const key of ['race/1', 'race/2', 'race/3']) {
          const bodies = Array.from({ length: 32 }, (_, index) => `writer ${index}`);

          const results = await Promise.all(
            bodies.map((body, index) =>
              (index % 2 === 0 ? store : other).putIfAbsent(key, text(body)),
            ),
          );

          const winners = bodies.filter((_, index) => results[index]);
          expect(winners).toHaveLength(1);
          expect([await read(store, key)]).toEqual(winners);
        }
      });
    });

    describe('uploads', () => {
      const parts = [randomBytes(PART), randomBytes(PART), randomBytes(1000)];
      const put = (on: ObjectStore, upload: { key: string; uploadId: string }, number: number) =>
        on.putPart(
          upload,
          { number, offset: (number - 1) * PART },
          parts[number - 1] ?? new Uint8Array(),
        );

      it('joins parts that were written in any order, by anyone, some twice', async () => {
        const upload = { key: 'images/a', uploadId: await store.startUpload('images/a') };
        await store.putPart(upload, { number: 2, offset: PART }, randomBytes(PART));
        await other.putPart(upload, { number: 3, offset: 2 * PART }, randomBytes(2000));
        await Promise.all([put(other, upload, 3), put(store, upload, 1)]);
        await put(other, upload, 2);

        expect(await store.size('images/a')).toBeUndefined();
        expect(await keysOf(store)).toEqual([]);
        await other.completeUpload(upload, 3);

        expect(same(await store.get('images/a'), Buffer.concat(parts))).toBe(true);
        const range = { offset: PART - 10, length: 20 };
        expect(
          same(
            await store.get('images/a', { range }),
            Buffer.concat(parts).subarray(PART - 10, PART + 10),
          ),
        ).toBe(true);
        expect(await keysOf(store)).toEqual(['images/a']);
      });

      it('succeeds when it is completed again, and leaves the object when it is aborted then', async () => {
        const upload = { key: 'a', uploadId: await store.startUpload('a') };
        const only = randomBytes(1000);
        await store.putPart(upload, { number: 1, offset: 0 }, only);

        await store.completeUpload(upload, 1);
        await other.completeUpload(upload, 1);
        await store.abortUpload(upload);

        expect(same(await store.get('a'), only)).toBe(true);
        expect(await uploadsOf(store)).toEqual([]);
      });

      it('lists uploads by prefix until they end', async () => {
        const a = { key: 'x/a', uploadId: await store.startUpload('x/a') };
        const again = { key: 'x/a', uploadId: await other.startUpload('x/a') };
        const b = { key: 'y/b', uploadId: await store.startUpload('y/b') };
        await put(store, a, 1);

        expect(await uploadsOf(other, 'x/')).toEqual(byId([a, again]));
        expect(await uploadsOf(other)).toEqual(byId([a, again, b]));
        const [listed] = await collect(store.listUploads('y/'));
        expect(Math.abs((listed?.startedAt.getTime() ?? 0) - Date.now())).toBeLessThan(120_000);

        await store.completeUpload(a, 1);
        await store.abortUpload(b);
        expect(await uploadsOf(other)).toEqual(byId([again]));
        await store.abortUpload(again);
      });

      it('leaves nothing behind when it is aborted, as often as one likes', async () => {
        const upload = { key: 'a', uploadId: await store.startUpload('a') };
        await put(store, upload, 1);

        await other.abortUpload(upload);
        await store.abortUpload(upload);

        expect(await uploadsOf(store)).toEqual([]);
        expect(await keysOf(store)).toEqual([]);
        await expect(put(store, upload, 1)).rejects.toThrow(UploadNotFound);
        await expect(store.completeUpload(upload, 1)).rejects.toThrow(UploadNotFound);
      });

      it('does not know an upload that was never started', async () => {
        const real = await store.startUpload('a');

        for (const upload of [
          { key: 'b', uploadId: real },
          { key: 'a', uploadId: '../../etc' },
          { key: 'a', uploadId: '0'.repeat(32) },
        ]) {
          await store.abortUpload(upload);
          await expect(put(store, upload, 3)).rejects.toThrow(UploadNotFound);
          await expect(store.completeUpload(upload, 1)).rejects.toThrow(UploadNotFound);
        }
        expect(await uploadsOf(store)).toEqual([{ key: 'a', uploadId: real }]);
        await store.abortUpload({ key: 'a', uploadId: real });
      });

      it('is not completed with a part too few or too many', async () => {
        const upload = { key: 'a', uploadId: await store.startUpload('a') };
        await put(store, upload, 1);
        await put(store, upload, 3);

        await expect(store.completeUpload(upload, 3)).rejects.toThrow(UploadIncomplete);
        await put(store, upload, 2);
        await expect(store.completeUpload(upload, 2)).rejects.toThrow(UploadIncomplete);
        await store.completeUpload(upload, 3);

        expect(await store.size('a')).toBe(2 * PART + 1000);
      });

      it.each([0, -1, 1.5, 10_001])('has no part %d', async (number) => {
        const upload = { key: 'a', uploadId: 'none' };

        const body = text('x');
        await expect(store.putPart(upload, { number, offset: 0 }, body)).rejects.toThrow(
          InvalidInput,
        );
        await expect(store.completeUpload(upload, number)).rejects.toThrow(InvalidInput);
      });
    });

    describe('signals', () => {
      it('starts nothing once the signal has aborted', async () => {
        const reason = new Error('stopped');
        const options = { signal: AbortSignal.abort(reason) };
        const upload = { key: 'a', uploadId: await store.startUpload('a') };
        const calls = [
          () => store.put('a', text('x'), options),
          () => store.putIfAbsent('a', text('x'), options),
          () => store.get('a', options),
          () => store.size('a', options),
          () => store.delete(['a'], options),
          () => store.startUpload('a', options),
          () => store.putPart(upload, { number: 1, offset: 0 }, text('x'), options),
          () => store.completeUpload(upload, 1, options),
          () => store.abortUpload(upload, options),
          () => collect(store.list('', options)),
          () => collect(store.listUploads('', options)),
        ];

        for (const call of calls) await expect(call()).rejects.toBe(reason);
        expect(await keysOf(store)).toEqual([]);
        expect(await uploadsOf(store)).toEqual([upload]);
        await store.abortUpload(upload);
      });

      it('leaves an object whole or absent when the signal aborts a write', async () => {
        const reason = new Error('stopped');
        const bytes = randomBytes(4_000_000);
        const stop = new AbortController();

        const writes = ['a', 'b', 'c'].map((key) => store.put(key, bytes, { signal: stop.signal }));
        setImmediate(() => {
          stop.abort(reason);
        });

        for (const outcome of await Promise.allSettled(writes)) {
          if (outcome.status === 'rejected') expect(outcome.reason).toBe(reason);
        }
        for (const key of await keysOf(other)) {
          expect(same(await other.get(key), bytes)).toBe(true);
        }
      });
    });

    describe('presign', () => {
      it.runIf(presigns)('gives a URL that reads the object, with ranges', async () => {
        const bytes = randomBytes(5000);
        await store.put('a', bytes);

        const url = (await store.presign('a', 60)) ?? '';
        const whole = await fetch(url);
        const piece = await fetch(url, { headers: { range: 'bytes=100-199' } });

        expect(same(await whole.bytes(), bytes)).toBe(true);
        expect(piece.status).toBe(206);
        expect(same(await piece.bytes(), bytes.subarray(100, 200))).toBe(true);
      });

      it.runIf(presigns)('refuses a life that the signature cannot have', async () => {
        for (const seconds of [0, -1, 1.5, 604_801]) {
          await expect(store.presign('a', seconds)).rejects.toThrow(InvalidInput);
        }
      });

      it.skipIf(presigns)('has no URL to give', async () => {
        expect(await store.presign('a', 60)).toBeUndefined();
      });
    });
  });
}

const keyChars = fc.constantFrom('a', 'b', '-', '.', '_', '0');
const segments = fc
  .string({ unit: keyChars, minLength: 1, maxLength: 2 })
  .filter((segment) => !segment.startsWith('.'));
/** Sets of keys of which none is a folder of another. */
const keySets = fc
  .uniqueArray(fc.array(segments, { minLength: 1, maxLength: 3 }), {
    maxLength: 12,
    selector: (parts) => parts.join('/'),
  })
  .map((paths) => paths.map((parts) => parts.join('/')))
  .map((keys) => keys.filter((key) => !keys.some((longer) => longer.startsWith(`${key}/`))));
const starts = fc.oneof(
  fc.constant(''),
  segments,
  fc.tuple(segments, segments).map((parts) => parts.join('/')),
  segments.map((segment) => `${segment}/`),
);

const text = (value: string) => Buffer.from(value);
const read = async (store: ObjectStore, key: string) =>
  Buffer.from(await store.get(key)).toString();
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const sorted = (keys: readonly string[]) =>
  [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
const byId = (uploads: { key: string; uploadId: string }[]) =>
  uploads.sort((a, b) => (a.uploadId < b.uploadId ? -1 : 1));

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function keysOf(store: ObjectStore, prefix = '', startAfter = ''): Promise<string[]> {
  return (await collect(store.list(prefix, { startAfter }))).map(({ key }) => key);
}

async function uploadsOf(store: ObjectStore, prefix = '') {
  const uploads = await collect(store.listUploads(prefix));
  return byId(uploads.map(({ key, uploadId }) => ({ key, uploadId })));
}
