import { settleAll } from '../../lib/disk/range/settle-all.ts';
import type { Log } from '../../lib/log.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Connection } from './connection.ts';
import { NbdProtocolViolated } from './errors.ts';
import { type Agreement, ALLOCATION_ID } from './negotiate.ts';
import {
  Command,
  CommandFlag,
  ErrorNumber,
  HOLE_AND_ZERO,
  MAX_REQUEST_BYTES,
  ReplyType,
  REQUEST_MAGIC,
} from './protocol.ts';
import { chunkHead, type Cookie, errorPayload, simpleReply, uint32s, uint64 } from './replies.ts';

interface Request {
  readonly flags: number;
  readonly cookie: Cookie;
  readonly offset: number;
  readonly length: number;
}

export interface Serving {
  readonly budget: ByteBudget;
  readonly log: Log;
  /** Is told of data that was sent. */
  readonly onRead: (bytes: number) => void;
}

/** Requests of one client that are worked on at once; a client that sends more waits. */
const MAX_REQUESTS = 16;
/** Stretches in one reply about block status; the client asks for the rest. */
const MAX_STRETCHES = 8192;

/** Answers requests until the client disconnects. */
export async function serveRequests(
  connection: Connection,
  agreement: Agreement,
  serving: Serving,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  try {
    for (;;) {
      const head = await connection.reader.take(28);
      if (head === undefined) return;
      if (head.readUInt32BE(0) !== REQUEST_MAGIC) {
        throw new NbdProtocolViolated('A client sends requests that do not begin as such.');
      }
      const command = head.readUInt16BE(6);
      if (command === Command.DISCONNECT) return;
      const request: Request = {
        flags: head.readUInt16BE(4),
        cookie: head.readBigUInt64BE(8),
        // Beyond what a number holds exactly it is beyond every disk all the more.
        offset: Number(head.readBigUInt64BE(16)),
        length: head.readUInt32BE(24),
      };
      if (command === Command.WRITE && !(await connection.reader.skip(request.length))) return;
      const answer = new Answer(connection, agreement, serving, request).run(command);
      const settled = answer
        .catch(() => connection.destroy())
        .finally(() => underWay.delete(settled));
      underWay.add(settled);
      if (underWay.size >= MAX_REQUESTS) await Promise.race(underWay);
    }
  } finally {
    await settleAll([...underWay]);
  }
}

class Answer {
  readonly #connection: Connection;
  readonly #agreement: Agreement;
  readonly #serving: Serving;
  readonly #request: Request;

  constructor(connection: Connection, agreement: Agreement, serving: Serving, request: Request) {
    this.#connection = connection;
    this.#agreement = agreement;
    this.#serving = serving;
    this.#request = request;
  }

  /** Throws only where the client is gone, or can no longer be told that something went wrong. */
  async run(command: number): Promise<void> {
    switch (command) {
      case Command.READ:
        return await this.#checked(MAX_REQUEST_BYTES, (request) => this.#read(request));
      case Command.BLOCK_STATUS:
        if (!this.#agreement.withAllocation) break;
        return await this.#checked(2 ** 32, (request) => this.#status(request));
      case Command.FLUSH:
        return await this.#done();
      case Command.WRITE:
      case Command.TRIM:
      case Command.WRITE_ZEROES:
        return await this.#fail(ErrorNumber.EPERM, 'A checkpoint cannot be written to.');
    }
    return await this.#fail(ErrorNumber.EINVAL, `Command ${String(command)} is not known here.`);
  }

  async #checked(maxBytes: number, work: (request: Request) => Promise<void>): Promise<void> {
    const { offset, length } = this.#request;
    if (length === 0 || offset + length > this.#agreement.chosen.disk.sizeBytes) {
      return await this.#fail(ErrorNumber.EINVAL, 'That is beyond the end of the disk.');
    }
    if (length > maxBytes) {
      return await this.#fail(ErrorNumber.EOVERFLOW, `At most ${String(maxBytes)} bytes at once.`);
    }
    await work(this.#request);
  }

  async #read(request: Request): Promise<void> {
    const { isStructured } = this.#agreement;
    const isOnePiece = !isStructured || (request.flags & CommandFlag.DONT_FRAGMENT) !== 0;
    await this.#serving.budget.use(request.length, () =>
      isOnePiece ? this.#readWhole(request) : this.#readInPieces(request),
    );
  }

  /** An error must be known before the first byte is sent. */
  async #readWhole({ cookie, offset, length }: Request): Promise<void> {
    const { disk } = this.#agreement.chosen;
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    try {
      for await (const piece of disk.read(offset, length, this.#connection.signal)) {
        bytes.set(piece, filled);
        filled += piece.length;
      }
    } catch (error) {
      return await this.#readFailed(error, offset + filled);
    }
    this.#serving.onRead(length);
    if (this.#agreement.isStructured) {
      const head = chunkHead(cookie, ReplyType.OFFSET_DATA, 8 + length, true);
      await this.#connection.write(head, uint64(offset), bytes);
    } else {
      await this.#connection.write(simpleReply(cookie, 0), bytes);
    }
  }

  /** Piece by piece as they come, holes as holes; an error names the address up to which all is well. */
  async #readInPieces({ cookie, offset, length }: Request): Promise<void> {
    const { disk } = this.#agreement.chosen;
    const { signal } = this.#connection;
    let at = offset;
    try {
      for await (const stretch of disk.stretches(offset, length, signal)) {
        if (stretch.kind === 'hole') {
          const head = chunkHead(cookie, ReplyType.OFFSET_HOLE, 12, false);
          await this.#connection.write(head, uint64(at), uint32s([stretch.length]));
          at += stretch.length;
          continue;
        }
        for await (const piece of disk.read(stretch.offset, stretch.length, signal)) {
          const head = chunkHead(cookie, ReplyType.OFFSET_DATA, 8 + piece.length, false);
          await this.#connection.write(head, uint64(at), piece);
          at += piece.length;
        }
      }
    } catch (error) {
      return await this.#readFailed(error, at);
    }
    this.#serving.onRead(length);
    await this.#done();
  }

  async #status({ flags, cookie, offset, length }: Request): Promise<void> {
    const { disk } = this.#agreement.chosen;
    const most = (flags & CommandFlag.REQUEST_ONE) === 0 ? MAX_STRETCHES : 1;
    const numbers = [ALLOCATION_ID];
    try {
      for await (const stretch of disk.stretches(offset, length, this.#connection.signal)) {
        numbers.push(stretch.length, stretch.kind === 'hole' ? HOLE_AND_ZERO : 0);
        if (numbers.length > 2 * most) break;
      }
    } catch (error) {
      return await this.#readFailed(error, offset);
    }
    const payload = uint32s(numbers);
    const head = chunkHead(cookie, ReplyType.BLOCK_STATUS, payload.length, true);
    await this.#connection.write(head, payload);
  }

  async #readFailed(error: unknown, at: number): Promise<void> {
    this.#connection.signal.throwIfAborted();
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    this.#serving.log.warn('A read failed', { guestAddress: at, error: name, cause: message });
    await this.#fail(ErrorNumber.EIO, `${name}: ${message}`, at);
  }

  async #done(): Promise<void> {
    const { cookie } = this.#request;
    await this.#connection.write(
      this.#agreement.isStructured
        ? chunkHead(cookie, ReplyType.NONE, 0, true)
        : simpleReply(cookie, 0),
    );
  }

  async #fail(error: number, message: string, offset?: number): Promise<void> {
    const { cookie } = this.#request;
    if (!this.#agreement.isStructured) {
      return await this.#connection.write(simpleReply(cookie, error));
    }
    const payload = errorPayload(error, message, offset);
    const type = offset === undefined ? ReplyType.ERROR : ReplyType.ERROR_OFFSET;
    await this.#connection.write(chunkHead(cookie, type, payload.length, true), payload);
  }
}
