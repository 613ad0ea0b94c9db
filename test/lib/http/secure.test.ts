import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../lib/errors.ts';
import { ConnectionFailed } from '../../../lib/http/errors.ts';
import { Http } from '../../../lib/http/http.ts';
import type { HttpOptions } from '../../../lib/http/http-types.ts';
import { proxyFromEnvironment } from '../../../lib/http/proxy.ts';
import { listen, localServer } from './local-server.ts';

const cert = readFileSync(new URL('tls/localhost.pem', import.meta.url), 'utf8');
const key = readFileSync(new URL('tls/localhost-key.pem', import.meta.url), 'utf8');

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function secureServer() {
  const server = await listen(
    createServer({ cert, key }, (_, response) => response.end('secret')),
    'https',
  );
  endings.push(() => server.close());
  return server;
}

/** Forwards plain requests and opens tunnels, and notes what it was asked for. */
async function proxyServer() {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(`${String(request.method)} ${String(request.url)}`);
    const onward = httpRequest(String(request.url), (answer) => answer.pipe(response));
    onward.end();
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${String(request.url)} ${String(request.headers['proxy-authorization'])}`);
    const [host = '', port = ''] = String(request.url).split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.on('close', () => onward.destroy());
  });
  const listening = await listen(server);
  endings.push(() => listening.close());
  return { asked, port: listening.port, url: listening.url };
}

function client(options: HttpOptions): Http {
  const http = new Http({ answerTimeoutMs: 5000, ...options });
  endings.push(() => {
    http.close();
  });
  return http;
}

describe('certificates', () => {
  it('refuses one that nobody vouches for, and says that trying again is of no use', async () => {
    const { url } = await secureServer();

    const error: unknown = await client({})
      .fetch({ method: 'GET', url })
      .catch((error: unknown) => error);

    expect(error).toBeInstanceOf(ConnectionFailed);
    expect(error).toMatchObject({ passing: false });
    expect(String(error)).toContain('SELF_SIGNED_CERT');
  });

  it('believes the authority that it is given', async () => {
    const { url } = await secureServer();

    expect((await client({ tls: { ca: cert } }).fetch({ method: 'GET', url })).text).toBe('secret');
  });

  it('believes anything only when told so', async () => {
    const { url } = await secureServer();

    const answer = await client({ tls: { verify: false } }).fetch({ method: 'GET', url });

    expect(answer.text).toBe('secret');
  });
});

describe('proxies', () => {
  it('goes through a tunnel to https, and checks the certificate at its end', async () => {
    const target = await secureServer();
    const proxy = await proxyServer();
    const settings = { HTTPS_PROXY: `http://me:word@127.0.0.1:${String(proxy.port)}` };

    const answer = await client({ proxy: settings, tls: { ca: cert } }).fetch({
      method: 'GET',
      url: target.url,
    });

    expect(answer.text).toBe('secret');
    expect(proxy.asked).toEqual([
      `CONNECT 127.0.0.1:${String(target.port)} Basic ${btoa('me:word')}`,
    ]);
    await expect(
      client({ proxy: settings }).fetch({ method: 'GET', url: target.url }),
    ).rejects.toThrow('SELF_SIGNED_CERT');
  });

  it('asks a proxy for http, and goes directly to hosts of NO_PROXY', async () => {
    const target = await localServer((_, response) => response.end('plain'));
    endings.push(() => target.close());
    const proxy = await proxyServer();
    const url = `${target.url}/x?y=1`;

    const through = await client({ proxy: { HTTP_PROXY: proxy.url } }).fetch({
      method: 'GET',
      url,
    });
    const past = await client({
      proxy: { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' },
    }).fetch({ method: 'GET', url });

    expect([through.text, past.text]).toEqual(['plain', 'plain']);
    expect(proxy.asked).toEqual([`GET ${url}`]);
  });

  it('takes none from the environment by itself', async () => {
    const target = await localServer((_, response) => response.end('plain'));
    endings.push(() => target.close());
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = 'http://127.0.0.1:1';
    endings.push(() => {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
    });

    expect((await client({}).fetch({ method: 'GET', url: target.url })).text).toBe('plain');
  });

  it('reads the variables as other tools do', () => {
    expect(proxyFromEnvironment({ NO_PROXY: 'a' })).toBeUndefined();
    expect(
      proxyFromEnvironment({ HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:1', no_proxy: 'x' }),
    ).toEqual({ HTTPS_PROXY: 'http://b:1', NO_PROXY: 'x' });
  });

  it('refuses what is not a URL without repeating what may be a password in it', () => {
    const settings = { HTTPS_PROXY: 'socks5://me:word@host:1' };

    expect(() => new Http({ proxy: settings })).toThrow(InvalidInput);
    expect(() => new Http({ proxy: settings })).toThrow(/HTTPS_PROXY is socks5:\/\/host:1;/);
  });
});
