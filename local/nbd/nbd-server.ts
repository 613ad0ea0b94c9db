import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../../lib/log.ts';
import { ByteBudget } from './byte-budget.ts';
import { Connection, type NbdExport } from './connection.ts';
import { negotiate } from './negotiate.ts';
import { serveRequests } from './serve-requests.ts';

/** A socket of the file system that only its owner may use, or an address and port. */
export type ListenAt =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

export interface NbdServerOptions {
  /** The first one is what clients get that name none. */
  readonly exports: readonly NbdExport[];
  readonly listenAt: ListenAt;
  readonly log: Log;
  /** How long a client may take to choose an export. */
  readonly handshakeSeconds?: number;
  /** Bytes of reads that may be under way at once, of all clients together. */
  readonly budgetBytes?: number;
}

export interface NbdServer {
  /** The port that was given where 0 was asked for; undefined for a socket of the file system. */
  readonly port: number | undefined;
  readonly readBytes: number;
  /** Hangs up on all clients. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 64;

/** Serves disks, for reading only, by the NBD protocol: a kernel, QEMU or libnbd sees each as a block device. */
export async function startNbdServer(options: NbdServerOptions): Promise<NbdServer> {
  const { exports, listenAt, log, handshakeSeconds = 30, budgetBytes = 64 * 2 ** 20 } = options;
  const budget = new ByteBudget(budgetBytes);
  const clients = new Set<Connection>();
  let readBytes = 0;
  const onRead = (bytes: number) => {
    readBytes += bytes;
  };

  const serve = async (socket: Socket): Promise<void> => {
    const connection = new Connection(socket);
    clients.add(connection);
    const tooSlow = setTimeout(() => connection.destroy(), handshakeSeconds * 1000);
    try {
      const agreement = await negotiate(connection, exports);
      clearTimeout(tooSlow);
      if (agreement !== undefined) {
        await serveRequests(connection, agreement, { budget, log, onRead });
      }
      connection.end();
    } catch (error) {
      // A client that goes away in the middle is none of our concern; one that speaks another language is.
      if (!connection.signal.aborted) {
        log.warn('A client was hung up on', {
          cause: error instanceof Error ? error.message : String(error),
        });
      }
      connection.destroy();
    } finally {
      clearTimeout(tooSlow);
      clients.delete(connection);
    }
  };

  const server = createServer({ noDelay: true }, (socket) => void serve(socket));
  server.maxConnections = MAX_CLIENTS;
  await listen(server, listenAt);
  if ('socketPath' in listenAt) await chmod(listenAt.socketPath, 0o600);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : undefined,
    get readBytes() {
      return readBytes;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of clients) connection.destroy();
      await closed;
    },
  };
}

function listen(server: Server, at: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen('socketPath' in at ? { path: at.socketPath } : at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
