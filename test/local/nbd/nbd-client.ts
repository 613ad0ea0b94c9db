import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { ByteReader } from '../../../local/nbd/byte-reader.ts';
import { CommandFlag, Option, OptionReply, ReplyType } from '../../../local/nbd/protocol.ts';

/** What one request got: the bytes with holes as zeros, or an error with what came before it. */
export interface Got {
  error: number;
  message?: string;
  errorOffset?: number;
  data: Buffer;
  /** Kinds of the chunks of the reply, in order. */
  chunks: number[];
  /** Of a reply about block status: length and flags. */
  stretches: [number, number][];
}

/** The least of an NBD client: says exactly what it is told to, right or wrong. */
export class NbdClient {
  readonly socket: Socket;
  readonly reader: ByteReader;
  #cookie = 0n;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.reader = new ByteReader(socket);
  }

  static async connect(port: number): Promise<NbdClient> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return new NbdClient(socket);
  }

  /** Connected, with an export chosen. */
  static async open(port: number, { structured = true, name = '' } = {}): Promise<NbdClient> {
    const client = await NbdClient.connect(port);
    await client.hello();
    if (structured) {
      await client.option(Option.STRUCTURED_REPLY);
      await client.option(Option.SET_META_CONTEXT, contexts(name, ['base:allocation']));
    }
    const replies = await client.option(Option.GO, choice(name));
    if (replies.at(-1)?.type !== OptionReply.ACK) throw new Error('The export was refused.');
    return client;
  }

  async hello(flags = 3): Promise<Buffer> {
    const greeting = await this.take(18);
    this.send(uint32(flags));
    return greeting;
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  async take(length: number): Promise<Buffer> {
    const bytes = await this.reader.take(length);
    if (bytes === undefined) throw new Error('The server has hung up.');
    return bytes;
  }

  /** Whether the server hangs up, and says nothing before. */
  async isHungUp(): Promise<boolean> {
    return (await this.reader.take(1).catch(() => undefined)) === undefined;
  }

  /** Replies to an option up to the last one. */
  async option(
    option: number,
    data: Uint8Array = Buffer.alloc(0),
  ): Promise<{ type: number; data: Buffer }[]> {
    this.send(Buffer.from('IHAVEOPT'), uint32(option), uint32(data.length), data);
    const replies = [];
    for (;;) {
      const head = await this.take(20);
      const type = head.readUInt32BE(12);
      replies.push({ type, data: await this.take(head.readUInt32BE(16)) });
      if (type === OptionReply.ACK || type > 2 ** 31) return replies;
    }
  }

  /** Sends a request and does not wait. */
  ask(command: number, offset: bigint | number, length: number, flags = 0): bigint {
    const head = Buffer.alloc(28);
    this.#cookie += 1n;
    head.writeUInt32BE(0x25609513, 0);
    head.writeUInt16BE(flags, 4);
    head.writeUInt16BE(command, 6);
    head.writeBigUInt64BE(this.#cookie, 8);
    head.writeBigUInt64BE(BigInt(offset), 16);
    head.writeUInt32BE(length, 24);
    this.send(head);
    return this.#cookie;
  }

  /** A request and its whole reply; the only one under way. */
  async request(command: number, offset: bigint | number, length: number, flags = 0): Promise<Got> {
    const cookie = this.ask(command, offset, length, flags);
    const magic = (await this.take(4)).readUInt32BE();
    if (magic === 0x67446698) return await this.#simple(cookie, command === 0 ? length : 0);
    return await this.#structured(cookie, Number(offset), length);
  }

  async read(offset: bigint | number, length: number, isWhole = false): Promise<Got> {
    return await this.request(0, offset, length, isWhole ? CommandFlag.DONT_FRAGMENT : 0);
  }

  async #simple(cookie: bigint, length: number): Promise<Got> {
    const head = await this.take(12);
    expectCookie(head.readBigUInt64BE(4), cookie);
    const error = head.readUInt32BE(0);
    const data = error === 0 ? await this.take(length) : Buffer.alloc(0);
    return { error, data, chunks: [], stretches: [] };
  }

  async #structured(cookie: bigint, offset: number, length: number): Promise<Got> {
    const got: Got = {
      error: 0,
      data: Buffer.alloc(Math.min(length, 2 ** 20), 0xee),
      chunks: [],
      stretches: [],
    };
    for (let isFirst = true; ; isFirst = false) {
      if (!isFirst) await this.take(4);
      const head = await this.take(16);
      expectCookie(head.readBigUInt64BE(4), cookie);
      const type = head.readUInt16BE(2);
      const payload = await this.take(head.readUInt32BE(12));
      got.chunks.push(type);
      if (type === ReplyType.OFFSET_DATA) {
        payload.copy(got.data, Number(payload.readBigUInt64BE(0)) - offset, 8);
      } else if (type === ReplyType.OFFSET_HOLE) {
        const from = Number(payload.readBigUInt64BE(0)) - offset;
        got.data.fill(0, from, from + payload.readUInt32BE(8));
      } else if (type === ReplyType.BLOCK_STATUS) {
        for (let at = 4; at < payload.length; at += 8) {
          got.stretches.push([payload.readUInt32BE(at), payload.readUInt32BE(at + 4)]);
        }
      } else if (type !== ReplyType.NONE) {
        got.error = payload.readUInt32BE(0);
        const end = 6 + payload.readUInt16BE(4);
        got.message = payload.toString('utf8', 6, end);
        if (type === ReplyType.ERROR_OFFSET) got.errorOffset = Number(payload.readBigUInt64BE(end));
      }
      if ((head.readUInt16BE(0) & 1) === 1) return got;
    }
  }
}

function expectCookie(got: bigint, expected: bigint): void {
  if (got !== expected) throw new Error(`Reply to ${String(got)}, not to ${String(expected)}.`);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** What GO and INFO carry. */
export function choice(name: string): Buffer {
  return Buffer.concat([text(name), Buffer.alloc(2)]);
}

export function contexts(name: string, queries: string[]): Buffer {
  return Buffer.concat([text(name), uint32(queries.length), ...queries.map(text)]);
}
