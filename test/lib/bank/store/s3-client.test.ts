import { afterEach, describe, expect, it, vi } from 'vitest';
import { s3Client } from '../../../../lib/bank/store/s3-client.ts';
import { InvalidInput } from '../../../../lib/errors.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('s3Client', () => {
  it.each([
    [
      'the option',
      { endpoint: 'http://option:1', env: { AWS_ENDPOINT_URL_S3: 'http://s3:1' } },
      'option',
    ],
    [
      'AWS_ENDPOINT_URL_S3',
      { env: { AWS_ENDPOINT_URL_S3: 'http://s3:1', AWS_ENDPOINT_URL: 'http://all:1' } },
      's3',
    ],
    ['AWS_ENDPOINT_URL', { env: { AWS_ENDPOINT_URL: 'http://all:1' } }, 'all'],
  ])('takes the endpoint from %s', async (_, options, hostname) => {
    const { config } = s3Client(options);

    expect((await config.endpoint?.())?.hostname).toBe(hostname);
    expect(config.forcePathStyle).toBe(true);
    expect(await config.requestChecksumCalculation()).toBe('WHEN_REQUIRED');
  });

  it('leaves AWS its own addresses and checksums', async () => {
    const { config } = s3Client({ region: 'eu-central-1', env: {} });

    expect(config.endpoint).toBeUndefined();
    expect(config.forcePathStyle).toBe(false);
    expect(await config.requestChecksumCalculation()).toBe('WHEN_SUPPORTED');
    expect(await config.responseChecksumValidation()).toBe('WHEN_REQUIRED');
    expect(await config.region()).toBe('eu-central-1');
  });

  it('lets the user decide on path style and checksums', async () => {
    const { config } = s3Client({
      endpoint: 'https://s3.example.org',
      forcePathStyle: false,
      env: { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' },
    });

    expect(config.forcePathStyle).toBe(false);
    expect(await config.requestChecksumCalculation()).toBe('WHEN_SUPPORTED');
  });

  it('needs no region for a server other than AWS, and takes the one that is set', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    expect(await s3Client({ endpoint: 'http://host' }).config.region()).toBe('us-east-1');

    vi.stubEnv('AWS_REGION', 'garage');
    expect(await s3Client({ endpoint: 'http://host' }).config.region()).toBe('garage');
    expect(await s3Client({ endpoint: 'http://host', region: 'own' }).config.region()).toBe('own');
  });

  it('leaves repeating to the store', async () => {
    expect(await s3Client({ env: {} }).config.maxAttempts()).toBe(1);
  });

  it.each(['s3.example.org', 'ftp://host', 'http://', 'x'])(
    'refuses %s as an endpoint',
    (endpoint) => {
      expect(() => s3Client({ endpoint })).toThrow(InvalidInput);
    },
  );

  it('refuses credentials in the endpoint without repeating them', () => {
    const endpoint = 'https://key:top-secret@host';

    expect(() => s3Client({ endpoint })).toThrow(InvalidInput);
    expect(() => s3Client({ endpoint })).not.toThrow('top-secret');
  });
});
