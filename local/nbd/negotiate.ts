import type { Connection, NbdExport } from './connection.ts';
import { NbdProtocolViolated } from './errors.ts';
import {
  ALLOCATION_CONTEXT,
  GREETING,
  Handshake,
  Info,
  MAX_REQUEST_BYTES,
  Option,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OptionReply,
  Transmission,
} from './protocol.ts';

/** What was agreed upon for the rest of the connection. */
export interface Agreement {
  readonly chosen: NbdExport;
  readonly isStructured: boolean;
  /** Whether block status may be asked for. */
  readonly withAllocation: boolean;
}

const MAX_OPTION_BYTES = 64 * 1024;
/** Reads of this size and alignment cost no chunk twice. */
const PREFERRED_BYTES = 256 * 1024;

/** Says hello, and answers options until the client chooses an export; undefined where it goes away without. */
export async function negotiate(
  connection: Connection,
  exports: readonly NbdExport[],
): Promise<Agreement | undefined> {
  const greeting = Buffer.alloc(18);
  GREETING.copy(greeting);
  greeting.writeUInt16BE(Handshake.FIXED_NEWSTYLE | Handshake.NO_ZEROES, 16);
  await connection.write(greeting);
  const clientFlags = (await connection.reader.take(4))?.readUInt32BE(0);
  if (clientFlags === undefined) return undefined;
  const known = Handshake.FIXED_NEWSTYLE | Handshake.NO_ZEROES;
  if ((clientFlags & ~known) !== 0) {
    throw new NbdProtocolViolated(`A client wants handshake flags ${String(clientFlags)}.`);
  }
  return await new Negotiation(connection, exports, clientFlags).run();
}

class Negotiation {
  readonly #connection: Connection;
  readonly #exports: readonly NbdExport[];
  readonly #clientFlags: number;
  #isStructured = false;
  /** The export whose allocation was asked for. */
  #allocationOf: NbdExport | undefined;

  constructor(connection: Connection, exports: readonly NbdExport[], clientFlags: number) {
    this.#connection = connection;
    this.#exports = exports;
    this.#clientFlags = clientFlags;
  }

  async run(): Promise<Agreement | undefined> {
    for (;;) {
      const head = await this.#connection.reader.take(16);
      if (head === undefined) return undefined;
      if (!head.subarray(0, 8).equals(OPTION_MAGIC)) {
        throw new NbdProtocolViolated('A client sends options that do not begin as such.');
      }
      const option = head.readUInt32BE(8);
      const length = head.readUInt32BE(12);
      if (length > MAX_OPTION_BYTES) {
        if (!(await this.#connection.reader.skip(length))) return undefined;
        await this.#reply(option, OptionReply.TOO_BIG);
        continue;
      }
      const data = await this.#connection.reader.take(length);
      if (data === undefined) return undefined;
      if (option === Option.ABORT) {
        await this.#reply(option, OptionReply.ACK);
        return undefined;
      }
      const chosen = await this.#answer(option, data);
      if (chosen === undefined) continue;
      if (chosen === 'nothing') return undefined;
      const withAllocation = this.#isStructured && this.#allocationOf === chosen;
      return { chosen, isStructured: this.#isStructured, withAllocation };
    }
  }

  /** The export that is chosen for good, or 'nothing' where the protocol has no other way to refuse than to hang up. */
  async #answer(option: number, data: Buffer): Promise<NbdExport | 'nothing' | undefined> {
    switch (option) {
      case Option.EXPORT_NAME: {
        const chosen = this.#find(data.toString());
        if (chosen === undefined) return 'nothing';
        await this.#connection.write(
          exportOf(chosen, this.#transmissionFlags()),
          Buffer.alloc((this.#clientFlags & Handshake.NO_ZEROES) === 0 ? 124 : 0),
        );
        return chosen;
      }
      case Option.LIST:
        if (data.length > 0) return await this.#reply(option, OptionReply.INVALID);
        for (const { name, description } of this.#exports) {
          const parts = [lengthAndText(name), Buffer.from(description)];
          await this.#reply(option, OptionReply.SERVER, Buffer.concat(parts));
        }
        return await this.#reply(option, OptionReply.ACK);
      case Option.STRUCTURED_REPLY:
        if (data.length > 0) return await this.#reply(option, OptionReply.INVALID);
        this.#isStructured = true;
        return await this.#reply(option, OptionReply.ACK);
      case Option.INFO:
      case Option.GO:
        return await this.#inform(option, data);
      case Option.LIST_META_CONTEXT:
      case Option.SET_META_CONTEXT:
        return await this.#metaContext(option, data);
      case Option.STARTTLS:
        return await this.#reply(option, OptionReply.POLICY);
      default:
        return await this.#reply(option, OptionReply.UNSUPPORTED);
    }
  }

  async #inform(option: number, data: Buffer): Promise<NbdExport | undefined> {
    const name = textAt(data, 0);
    if (name === undefined || data.length < name.end + 2) {
      return await this.#reply(option, OptionReply.INVALID);
    }
    const wanted = this.#find(name.text);
    if (wanted === undefined) {
      const names = this.#exports.map((one) => one.name).join(', ');
      const message = Buffer.from(`There is no such disk; there are: ${names}`);
      return await this.#reply(option, OptionReply.UNKNOWN, message);
    }
    const size = exportOf(wanted, this.#transmissionFlags());
    await this.#reply(option, OptionReply.INFO, infoOf(Info.EXPORT, size));
    await this.#reply(option, OptionReply.INFO, infoOf(Info.NAME, Buffer.from(wanted.name)));
    const description = Buffer.from(wanted.description);
    await this.#reply(option, OptionReply.INFO, infoOf(Info.DESCRIPTION, description));
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32BE(1, 0);
    sizes.writeUInt32BE(PREFERRED_BYTES, 4);
    sizes.writeUInt32BE(MAX_REQUEST_BYTES, 8);
    await this.#reply(option, OptionReply.INFO, infoOf(Info.BLOCK_SIZE, sizes));
    await this.#reply(option, OptionReply.ACK);
    return option === Option.GO ? wanted : undefined;
  }

  async #metaContext(option: number, data: Buffer): Promise<undefined> {
    const isSet = option === Option.SET_META_CONTEXT;
    if (isSet) this.#allocationOf = undefined;
    const name = textAt(data, 0);
    const queries = name === undefined ? undefined : textsAt(data, name.end);
    if (name === undefined || queries === undefined || (isSet && !this.#isStructured)) {
      return await this.#reply(option, OptionReply.INVALID);
    }
    const wanted = this.#find(name.text);
    if (wanted === undefined) return await this.#reply(option, OptionReply.UNKNOWN);
    const isWanted = isSet
      ? queries.includes(ALLOCATION_CONTEXT)
      : queries.length === 0 ||
        queries.some((query) => [ALLOCATION_CONTEXT, 'base:'].includes(query));
    if (isWanted) {
      if (isSet) this.#allocationOf = wanted;
      const id = Buffer.alloc(4);
      id.writeUInt32BE(ALLOCATION_ID);
      const context = Buffer.concat([id, Buffer.from(ALLOCATION_CONTEXT)]);
      await this.#reply(option, OptionReply.META_CONTEXT, context);
    }
    return await this.#reply(option, OptionReply.ACK);
  }

  #find(name: string): NbdExport | undefined {
    return name === '' ? this.#exports[0] : this.#exports.find((one) => one.name === name);
  }

  #transmissionFlags(): number {
    const { HAS_FLAGS, READ_ONLY, CAN_MULTI_CONN, SEND_DF } = Transmission;
    return HAS_FLAGS | READ_ONLY | CAN_MULTI_CONN | (this.#isStructured ? SEND_DF : 0);
  }

  async #reply(
    option: number,
    type: number,
    data: Uint8Array = Buffer.alloc(0),
  ): Promise<undefined> {
    const head = Buffer.alloc(20);
    head.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
    head.writeUInt32BE(option, 8);
    head.writeUInt32BE(type, 12);
    head.writeUInt32BE(data.length, 16);
    await this.#connection.write(head, data);
    return undefined;
  }
}

/** Names `base:allocation` in replies. */
export const ALLOCATION_ID = 1;

function exportOf({ disk }: NbdExport, flags: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(BigInt(disk.sizeBytes), 0);
  bytes.writeUInt16BE(flags, 8);
  return bytes;
}

function infoOf(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(type, 0);
  return Buffer.concat([head, data]);
}

function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function textAt(data: Buffer, offset: number): { text: string; end: number } | undefined {
  if (offset + 4 > data.length) return undefined;
  const end = offset + 4 + data.readUInt32BE(offset);
  return end > data.length ? undefined : { text: data.toString('utf8', offset + 4, end), end };
}

/** A counted list of texts that fills the rest of the data; undefined where it does not. */
function textsAt(data: Buffer, offset: number): string[] | undefined {
  if (offset + 4 > data.length) return undefined;
  const texts: string[] = [];
  let end = offset + 4;
  for (let left = data.readUInt32BE(offset); left > 0; left -= 1) {
    const next = textAt(data, end);
    if (next === undefined) return undefined;
    texts.push(next.text);
    end = next.end;
  }
  return end === data.length ? texts : undefined;
}
