import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openStore, parseLocation } from '../../../../lib/bank/store/location.ts';
import { InvalidInput } from '../../../../lib/errors.ts';

describe('parseLocation', () => {
  it.each([
    ['s3://my-bucket', 'my-bucket', ''],
    ['s3://my-bucket/', 'my-bucket', ''],
    ['s3://my.bucket/a/b_c', 'my.bucket', 'a/b_c'],
    ['s3://Old_Bucket/a//', 'Old_Bucket', 'a'],
    ['S3://bucket/A', 'bucket', 'A'],
  ])('reads %s', (location, bucket, prefix) => {
    expect(parseLocation(location)).toEqual({ kind: 's3', bucket, prefix });
  });

  it.each([
    ['/var/bank', '/var/bank'],
    ['bank', 'bank'],
    ['./a b/ö', './a b/ö'],
    ['file:///var/my%20bank', '/var/my bank'],
  ])('reads the directory %s', (location, path) => {
    expect(parseLocation(location)).toEqual({ kind: 'directory', path });
  });

  it.each([
    '',
    's3:',
    's3:/bucket',
    's3://',
    's3:///prefix',
    's3://b',
    's3://bucket/../other',
    's3://bucket/a//b',
    's3://bucket/a b',
    's3://bucket/a?versionId=1',
    's3://bucket/.hidden',
    's3://bu\ncket',
    'https://s3.example.org/bucket',
    'swift://container',
    'file://host/path',
    '~/bank',
    'a\0b',
  ])('refuses %j', (location) => {
    expect(() => parseLocation(location)).toThrow(InvalidInput);
  });

  it('does not repeat a secret that was put into the location', () => {
    const location = 's3://AKIA123:top-secret@bucket/prefix';

    expect(() => parseLocation(location)).toThrow('AWS_SECRET_ACCESS_KEY');
    expect(() => parseLocation(location)).not.toThrow('top-secret');
  });

  it('gives a place or InvalidInput for any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('', 's3://', 's3:', 'file://'), (rest, start) => {
        try {
          expect(parseLocation(start + rest)).toHaveProperty('kind');
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
        }
      }),
    );
  });
});

describe('openStore', () => {
  it('opens a directory under its absolute path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snapbank-'));
    try {
      const store = openStore(join(folder, 'bank/'));
      await store.put('a', Buffer.from('x'));

      expect(store.location).toBe(join(folder, 'bank'));
      expect(openStore('here').location).toBe(resolve('here'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('opens a bucket and a prefix', () => {
    expect(openStore('s3://bucket/a/', { env: {} }).location).toBe('s3://bucket/a');
    expect(openStore('s3://bucket', { env: {} }).location).toBe('s3://bucket');
  });
});
