import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionFailed } from '../../../lib/http/errors.ts';
import { Http } from '../../../lib/http/http.ts';
import type { HttpOptions } from '../../../lib/http/http-types.ts';
import { bodyOf, localServer } from './local-server.ts';

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function start(listener: RequestListener, options: HttpOptions = {}) {
  const server = await localServer(listener);
  const http = new Http({ answerTimeoutMs: 5000, idleTimeoutMs: 5000, ...options });
  endings.push(
    () => server.close(),
    () => {
      http.close();
    },
  );
  return { server, http, url: server.url };
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Five pieces, before each of which five seconds pass on the fake clock. */
async function* slowSource(): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < 5; piece++) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(5000);
    yield Buffer.from('x');
  }
}

describe('answers', () => {
  it('hands out the answer of an error status like any other', async () => {
    const { http, url } = await start((_, response) => {
      response.writeHead(409, { 'X-Thing': 'a' }).end('busy');
    });

    expect(await http.fetch({ method: 'GET', url })).toMatchObject({
      status: 409,
      headers: { 'x-thing': 'a' },
      text: 'busy',
    });
  });

  it('does not follow redirects', async () => {
    const { http, url } = await start((_, response) => {
      response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
    });

    const answer = await http.fetch({ method: 'GET', url });

    expect(answer.status).toBe(302);
    expect(answer.headers['location']).toBe('http://127.0.0.1:1/');
  });

  it('decodes compressed text, and leaves the bytes of data as they are', async () => {
    const packed = gzipSync('hello');
    const { http, url } = await start((request, response) => {
      response.writeHead(200, {
        'Content-Encoding': 'gzip',
        'X-Asked': String(request.headers['accept-encoding']),
      });
      response.end(packed);
    });

    const text = await http.fetch({ method: 'GET', url });
    const data = await http.open({ method: 'GET', url });

    expect(text.text).toBe('hello');
    expect(data.headers['x-asked']).toBe('identity');
    expect(await collect(data.body)).toEqual(packed);
  });

  it('uses one connection again and again', async () => {
    const { http, url, server } = await start((_, response) => response.end('x'));

    for (let call = 0; call < 5; call++) await http.fetch({ method: 'GET', url });

    expect(server.connections()).toBe(1);
  });

  it('gives calls that must not be repeated a connection of their own', async () => {
    const { http, url, server } = await start((_, response) => response.end('x'));

    await http.fetch({ method: 'GET', url });
    await http.fetch({ method: 'POST', url, body: '{}', idempotent: false });

    expect(server.connections()).toBe(2);
  });

  it('frees the connection of a body that is discarded, so that the pool is not used up', async () => {
    const { http, url } = await start(
      (request, response) => {
        if (request.url === '/end') response.end('done');
        else response.writeHead(500).write('no end');
      },
      { maxSockets: 1 },
    );

    for (let call = 0; call < 3; call++) {
      (await http.open({ method: 'GET', url: `${url}/x` })).discard();
    }

    expect((await http.fetch({ method: 'GET', url: `${url}/end` })).text).toBe('done');
  });

  it('reads no more of a text than it is asked for', async () => {
    const { http, url } = await start((_, response) => {
      response.writeHead(500);
      response.write('x'.repeat(100_000));
    });

    const answer = await http.open({ method: 'GET', url });

    expect(await answer.text(10)).toBe('xxxxxxxxxx');
  });
});

describe('faults', () => {
  it('names a refused connection', async () => {
    const { http, url, server } = await start((_, response) => response.end());
    await server.close();

    await expect(http.fetch({ method: 'GET', url })).rejects.toThrow(
      new RegExp(`^GET ${url}/: ECONNREFUSED`),
    );
  });

  it('notices a body that is cut, with a length and without', async () => {
    const { http, url } = await start((request, response) => {
      if (request.url === '/length') response.writeHead(200, { 'Content-Length': '100' });
      response.write('part', () => response.destroy());
    });

    for (const path of ['/length', '/chunked']) {
      const answer = await http.open({ method: 'GET', url: url + path });
      await expect(collect(answer.body)).rejects.toThrow(ConnectionFailed);
    }
  });

  it('gives up a server that does not answer', async () => {
    const { http, url } = await start(() => {}, { answerTimeoutMs: 30 });

    await expect(http.fetch({ method: 'GET', url })).rejects.toThrow('no answer within 0.03 s');
  });

  it('gives up a body that stands still', async () => {
    const { http, url, server } = await start((_, response) => response.write('part'), {
      idleTimeoutMs: 30,
    });

    const answer = await http.open({ method: 'GET', url });

    await expect(collect(answer.body)).rejects.toThrow('no data within 0.03 s');
    await expect.poll(() => server.open()).toBe(0);
  });

  it('does not take a slow reader for a body that stands still', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    endings.push(() => void vi.useRealTimers());
    const { http, url } = await start((_, response) => response.end(Buffer.alloc(1_000_000)), {
      idleTimeoutMs: 1000,
    });

    const answer = await http.open({ method: 'GET', url });
    let length = 0;
    for await (const piece of answer.body) {
      vi.advanceTimersByTime(5000);
      length += piece.byteLength;
    }

    expect(length).toBe(1_000_000);
  });

  it('does not count the time in the queue for a connection as the server being slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    endings.push(() => void vi.useRealTimers());
    const waiting: (() => void)[] = [];
    const { http, url } = await start(
      (request, response) => {
        if (request.url === '/first') waiting.push(() => response.end('first'));
        else response.end('second');
      },
      { maxSockets: 1, answerTimeoutMs: 60 },
    );

    const first = http.fetch({ method: 'GET', url: `${url}/first`, answerTimeoutMs: 10_000 });
    const second = http.fetch({ method: 'GET', url: `${url}/second` });
    await expect.poll(() => waiting.length).toBe(1);
    vi.advanceTimersByTime(120);
    waiting[0]?.();

    expect((await first).text).toBe('first');
    expect((await second).text).toBe('second');
  });

  it('ends with the reason of the signal, before the answer and within the body', async () => {
    const { http, url } = await start((request, response) => {
      if (request.url === '/body') response.write('part');
    });
    const reason = new Error('enough');

    const silent = new AbortController();
    const before = http.fetch({ method: 'GET', url, signal: silent.signal });
    silent.abort(reason);
    await expect(before).rejects.toBe(reason);

    const talking = new AbortController();
    const answer = await http.open({
      method: 'GET',
      url: `${url}/body`,
      signal: talking.signal,
    });
    const body = collect(answer.body);
    talking.abort(reason);
    await expect(body).rejects.toBe(reason);
  });

  it('keeps tokens, keys and query strings out of its errors, whatever prints them', async () => {
    const { http, server } = await start((_, response) => response.end());
    await server.close();

    const error: unknown = await http
      .fetch({
        method: 'GET',
        url: `http://user:hidden1@127.0.0.1:${String(server.port)}/object?X-Amz-Signature=hidden2`,
        headers: { 'X-Auth-Token': 'hidden3', Authorization: 'hidden4' },
      })
      .catch((error: unknown) => error);

    expect(error).toBeInstanceOf(ConnectionFailed);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('hidden');
    expect(JSON.stringify(error)).not.toContain('hidden');
  });
});

describe('uploads', () => {
  it('streams a body of unknown length', async () => {
    const { http, url } = await start((request, response) => {
      void bodyOf(request).then((body) =>
        response.end(`${String(request.headers['transfer-encoding'])} ${body.toString()}`),
      );
    });

    const answer = await http.fetch({
      method: 'PUT',
      url,
      body: Readable.from([Buffer.from('one '), Buffer.from('two')]),
    });

    expect(answer.text).toBe('chunked one two');
  });

  it('reads no further ahead of a server that takes nothing, gives up, and ends the source', async () => {
    const { http, url } = await start((request) => request.pause(), { idleTimeoutMs: 100 });
    let pulledBytes = 0;
    let ended = false;
    async function* source() {
      try {
        for (;;) {
          pulledBytes += 65_536;
          yield Buffer.alloc(65_536);
        }
      } finally {
        ended = true;
      }
    }

    const put = http.fetch({ method: 'PUT', url, body: source() });

    await expect(put).rejects.toThrow('no progress of the upload within 0.1 s');
    expect(pulledBytes).toBeLessThan(64 * 1024 * 1024);
    await expect.poll(() => ended).toBe(true);
  });

  it('does not take a slow source for a server that takes nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    endings.push(() => void vi.useRealTimers());
    const { http, url } = await start(
      (request, response) => {
        void bodyOf(request).then((body) => response.end(String(body.length)));
      },
      { answerTimeoutMs: 1000, idleTimeoutMs: 1000 },
    );

    expect((await http.fetch({ method: 'PUT', url, body: slowSource() })).text).toBe('5');
  });

  it('passes on what the source throws', async () => {
    const { http, url } = await start((request) => request.resume());
    const reason = new Error('the bank is gone');
    async function* source() {
      yield Buffer.from('a');
      throw reason;
    }

    await expect(http.fetch({ method: 'PUT', url, body: source() })).rejects.toBe(reason);
  });

  it('destroys the source when the request is aborted', async () => {
    const { http, url } = await start((request) => request.resume());
    const source = new Readable({ read() {} });
    source.push('start');
    const controller = new AbortController();
    const reason = new Error('enough');

    const put = http.fetch({ method: 'PUT', url, body: source, signal: controller.signal });
    controller.abort(reason);

    await expect(put).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
  });

  it('destroys the source when the server answers before it has read everything', async () => {
    const { http, url } = await start((_, response) => {
      response.writeHead(413).end('too large');
    });
    const source = new Readable({ read() {} });
    source.push('start');

    const answer = await http.fetch({ method: 'PUT', url, body: source });

    expect(answer.status).toBe(413);
    expect(source.destroyed).toBe(true);
  });
});
