import type { Socket } from 'node:net';
import { once } from 'node:events';
import type { GuestDisk } from '../../lib/restore/guest-disk.ts';
import { ByteReader } from './byte-reader.ts';

/** A disk that is offered under a name; the first one also under the empty name. */
export interface NbdExport {
  readonly name: string;
  /** For people who list the exports. */
  readonly description: string;
  readonly disk: GuestDisk;
}

/** One client's connection. Aborts its signal when it ends. */
export class Connection {
  readonly reader: ByteReader;
  readonly signal: AbortSignal;
  readonly #socket: Socket;
  #writes: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    const ended = new AbortController();
    this.reader = new ByteReader(socket);
    this.signal = ended.signal;
    this.#socket = socket;
    // A client that goes away is no event: what is written to it goes nowhere.
    socket.on('error', () => undefined);
    socket.once('close', () => ended.abort(new Error('The client has closed the connection.')));
  }

  /** Writes the parts together, after what was written before; waits while the client is slow to take them. */
  write(...parts: readonly Uint8Array[]): Promise<void> {
    const before = this.#writes;
    this.#writes = this.#writeAfter(before, parts);
    // Whoever waits for a later write learns of it too.
    this.#writes.catch(() => undefined);
    return this.#writes;
  }

  async #writeAfter(before: Promise<void>, parts: readonly Uint8Array[]): Promise<void> {
    await before;
    this.signal.throwIfAborted();
    this.#socket.cork();
    const isTaken = parts.map((part) => this.#socket.write(part)).every(Boolean);
    this.#socket.uncork();
    if (!isTaken) await once(this.#socket, 'drain', { signal: this.signal });
  }

  /** Closes it when what was written has been sent. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
