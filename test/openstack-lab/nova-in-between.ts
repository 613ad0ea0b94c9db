import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Asked {
  method: string;
  path: string;
  body: string;
}

/** What happens at a request: called before it goes on, and asked what to answer in the place of what Nova did. */
export interface Between {
  before(asked: Asked): void;
  answer(asked: Asked, status: number): number;
}

/** Stands between a client and the lab's Nova, so that something can happen in the very moment of a request. */
export class NovaInBetween {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(nova: string, between: Between): Promise<NovaInBetween> {
    const server = createServer((request, response) => {
      void (async () => {
        const asked = {
          method: request.method ?? '',
          path: request.url ?? '',
          body: await text(request),
        };
        between.before(asked);
        const { method, path, body } = asked;
        const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
        const given = await fetch(`${nova}${path}`, {
          method,
          headers: headers as Record<string, string>,
          ...(body === '' ? {} : { body }),
        });
        const said = between.answer(asked, given.status);
        response.writeHead(said, {
          'Content-Type': given.headers.get('Content-Type') ?? '',
          'X-OpenStack-Request-Id': given.headers.get('X-OpenStack-Request-Id') ?? '',
        });
        response.end(said === given.status ? await given.text() : 'Gateway');
      })().catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NovaInBetween(server);
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
