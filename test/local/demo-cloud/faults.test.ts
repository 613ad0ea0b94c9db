import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import { Faults } from '../../../local/demo-cloud/faults.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { Api, headerOf } from './api.ts';

const content = randomBytes(200_000);

let cloud: DemoCloud;
let api: Api;
let file: string;
let imageId: string;

beforeEach(async () => {
  cloud = await startDemoCloud();
  api = await Api.of(cloud);
  imageId = await cloud.addImage({ name: 'image', content, diskFormat: 'raw' });
  file = `/images/${imageId}/file`;
});
afterEach(() => cloud.close());

describe('a fault on demand', () => {
  it('answers in the shape of the service, with Retry-After', async () => {
    const fault = {
      kind: 'status',
      status: 429,
      retryAfterSeconds: 7,
      message: 'slow down',
    } as const;
    cloud.faults.add({ path: /\/images\// }, fault);
    cloud.faults.add({ path: /\/servers/ }, fault);
    cloud.faults.add({ path: /\/networks/ }, fault);

    const glance = await api.imageOf(imageId);
    const nova = await api.compute('GET', '/servers');
    const neutron = await api.network('GET', '/networks');

    expect(glance).toContain('<h1>429 Too Many Requests</h1>');
    expect(nova.body).toMatchObject({ overLimit: { code: 429, message: 'slow down' } });
    expect(headerOf(nova, 'retry-after')).toBe('7');
    expect(neutron.body).toMatchObject({ NeutronError: { message: 'slow down' } });
  });

  it('lets requests pass first, comes as often as it should, and then no more', async () => {
    cloud.faults.add({ service: 'image' }, { kind: 'status', status: 503 }, { skip: 1, times: 2 });
    const statuses: number[] = [];

    for (let count = 0; count < 5; count += 1) {
      statuses.push((await api.image('GET', `/images/${imageId}`)).status);
    }

    expect(statuses).toEqual([200, 503, 503, 200, 200]);
    expect(cloud.faults.injected).toBe(2);
  });

  it('meets only the method and the service that it is for', async () => {
    cloud.faults.add({ method: 'DELETE', service: 'image' }, { kind: 'status', status: 409 });

    expect((await api.image('GET', `/images/${imageId}`)).status).toBe(200);
    expect((await api.image('DELETE', `/images/${imageId}`)).status).toBe(409);
    expect((await api.image('DELETE', `/images/${imageId}`)).status).toBe(204);
  });

  it('resets the connection before anything is done', async () => {
    cloud.faults.add({ method: 'DELETE' }, { kind: 'reset' });

    await expect(api.image('DELETE', `/images/${imageId}`)).rejects.toThrow(/ECONNRESET|hang up/);
    expect(cloud.inventory().images).toHaveLength(1);
    expect(cloud.requests.all.at(-1)).toMatchObject({ status: 0, fault: 'reset' });
  });

  it('loses an answer after all is done, by a reset or by another status', async () => {
    const serverId = await cloud.addServer({ name: 'vm', imageId });
    cloud.faults.add({ path: /action$/ }, { kind: 'lost-answer', status: 504 });

    await expect(api.createImage(serverId, 'lost')).rejects.toThrow('504');
    expect(cloud.inventory().images.map(({ name }) => name)).toContain('lost');

    cloud.faults.add({ method: 'DELETE' }, { kind: 'lost-answer' });
    await expect(api.image('DELETE', `/images/${imageId}`)).rejects.toThrow();
    expect(cloud.inventory().images.map(({ name }) => name)).toEqual(['lost']);
  });

  it('cuts the body after some bytes', async () => {
    cloud.faults.add({ path: /\/file$/ }, { kind: 'cut', afterBytes: 70_000 });

    await expect(api.image('GET', file)).rejects.toThrow('aborted');
    expect(cloud.requests.all.at(-1)).toMatchObject({ status: 200, sentBytes: 70_000 });
  });

  it('says a wrong length', async () => {
    cloud.faults.add({ path: /\/file$/ }, { kind: 'content-length', differBy: 10 });
    await expect(api.image('GET', file)).rejects.toThrow('aborted');

    cloud.faults.add({ path: /\/file$/ }, { kind: 'content-length', differBy: -10 });
    expect((await api.image('GET', file)).bytes.length).toBe(content.length - 10);
  });

  it('turns a byte', async () => {
    cloud.faults.add({ path: /\/file$/ }, { kind: 'flip', atByte: 123_456 });

    const { bytes } = await api.image('GET', file);

    const different = [...bytes].flatMap((byte, index) => (byte === content[index] ? [] : [index]));
    expect(different).toEqual([123_456]);
  });

  it.each([
    { kind: 'hang' },
    { kind: 'stall', afterBytes: 1000 },
    { kind: 'slow', bytesPerSecond: 10 },
  ] as const)('keeps the client waiting: $kind', async (fault) => {
    cloud.faults.add({ path: /\/file$/ }, fault);
    const signal = AbortSignal.timeout(150);

    const answer = fetch(`${cloud.endpoints.image}/v2${file}`, {
      headers: { 'X-Auth-Token': api.token },
      signal,
    }).then((response) => response.arrayBuffer());

    await expect(answer).rejects.toThrow(/timeout/);
  });

  it('does not keep the cloud from closing', async () => {
    cloud.faults.add({ path: /\/file$/ }, { kind: 'hang' });
    cloud.faults.add({ path: /\/file$/ }, { kind: 'delay', ms: 3_600_000 });
    const answers = Promise.allSettled([api.image('GET', file), api.image('GET', file)]);

    await new Promise((resolve) => setImmediate(resolve));
    await cloud.close();

    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('makes every token invalid at once', async () => {
    cloud.expireTokens();

    expect((await api.image('GET', '/images')).status).toBe(401);
    await api.authenticate();
    expect((await api.image('GET', '/images')).status).toBe(200);
  });
});

/** The kinds that the first 200 requests meet. */
function drawn(seed: number): (string | undefined)[] {
  const faults = new Faults();
  faults.addSeeded(seed, {
    matcher: { method: 'GET' },
    faults: [{ kind: 'reset' }, { kind: 'status', status: 503 }],
    rate: 0.3,
  });
  return Array.from({ length: 200 }, () => faults.ofRequest('image', 'GET', '/x')?.kind);
}

describe('faults by a seed', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  it('come at about the rate, in all kinds', () => {
    const kinds = drawn(3).filter((kind) => kind !== undefined);

    expect(kinds.length).toBeGreaterThan(40);
    expect(kinds.length).toBeLessThan(80);
    expect(new Set(kinds)).toEqual(new Set(['reset', 'status']));
  });

  it('come no more often than they may', () => {
    const faults = new Faults();
    faults.addSeeded(1, { faults: [{ kind: 'reset' }], rate: 1, most: 2 });

    const kinds = [1, 2, 3].map(() => faults.ofRequest('image', 'GET', '/x')?.kind);

    expect(kinds).toEqual(['reset', 'reset', undefined]);
  });
});
