import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ChunkDamaged } from '../../../lib/bank/errors.ts';
import { silentLog } from '../../../lib/log.ts';
import type { GuestDisk, Stretch } from '../../../lib/restore/guest-disk.ts';
import {
  type NbdServer,
  type NbdServerOptions,
  startNbdServer,
} from '../../../local/nbd/nbd-server.ts';
import {
  Command,
  CommandFlag,
  ErrorNumber,
  Option,
  OptionReply,
  ReplyType,
} from '../../../local/nbd/protocol.ts';
import { choice, contexts, NbdClient, uint32 } from './nbd-client.ts';

const BLOCK = 4096;
const BLOCKS = 64;
/** Every third block is a hole, and the disk ends within a block. */
const SIZE = BLOCKS * BLOCK - 100;
const content = Buffer.alloc(SIZE);
for (let block = 0; block < BLOCKS; block += 1) {
  if (block % 3 !== 1) randomBytes(BLOCK).copy(content, block * BLOCK);
}

let server: NbdServer;
afterEach(() => server.close());

interface DiskFaults {
  /** Reads fail from this address on. */
  damagedFrom?: number;
  /** Called before each read; holds it up. */
  before?: () => Promise<void>;
}

function diskWith({ damagedFrom = Infinity, before }: DiskFaults = {}): GuestDisk {
  return {
    sizeBytes: SIZE,
    async *stretches(offset, length) {
      for (let at = offset; at < offset + length; ) {
        const block = Math.floor(at / BLOCK);
        const end = Math.min(offset + length, (block + 1) * BLOCK);
        const kind: Stretch['kind'] = block % 3 === 1 ? 'hole' : 'data';
        yield { kind, offset: at, length: end - at };
        at = end;
      }
    },
    async *read(offset, length, signal) {
      await before?.();
      signal?.throwIfAborted();
      for (let at = offset; at < offset + length; at += 1000) {
        const end = Math.min(at + 1000, offset + length);
        if (end > damagedFrom) throw new ChunkDamaged('slot 7 is not what was written');
        yield content.subarray(at, end);
      }
    },
  };
}

async function serve(disk = diskWith(), more: Partial<NbdServerOptions> = {}): Promise<number> {
  server = await startNbdServer({
    exports: [
      { name: '0', description: 'the root disk', disk },
      { name: '1', description: 'another', disk: diskWith({ damagedFrom: 0 }) },
    ],
    listenAt: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    ...more,
  });
  return server.port ?? 0;
}

describe('a disk served by NBD', () => {
  it.each([
    ['in pieces', { structured: true, isWhole: false }],
    ['in one piece', { structured: true, isWhole: true }],
    ['to a client that knows no structured replies', { structured: false, isWhole: false }],
  ])('gives the bytes of any range, %s', async (_name, { structured, isWhole }) => {
    const client = await NbdClient.open(await serve(), { structured });
    const range = fc
      .tuple(fc.nat(SIZE - 1), fc.nat(SIZE - 1))
      .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }));

    await fc.assert(
      fc.asyncProperty(range, async ({ start, end }) => {
        const { error, data } = await client.read(start, end - start, isWhole);
        expect(error).toBe(0);
        expect(data.equals(content.subarray(start, end))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('sends holes as holes, and the rest of a reply in as few chunks as it is read in', async () => {
    const client = await NbdClient.open(await serve());

    const { chunks } = await client.read(BLOCK, 2 * BLOCK);
    const whole = await client.read(BLOCK, 2 * BLOCK, true);

    const { OFFSET_HOLE, OFFSET_DATA, NONE } = ReplyType;
    expect(chunks).toEqual([OFFSET_HOLE, ...Array<number>(5).fill(OFFSET_DATA), NONE]);
    expect(whole.chunks).toEqual([OFFSET_DATA]);
  });

  it('tells what is allocated', async () => {
    const client = await NbdClient.open(await serve());

    const all = await client.request(Command.BLOCK_STATUS, 100, 3 * BLOCK);
    const one = await client.request(
      Command.BLOCK_STATUS,
      100,
      SIZE - 100,
      CommandFlag.REQUEST_ONE,
    );

    expect(all.stretches).toEqual([
      [BLOCK - 100, 0],
      [BLOCK, 3],
      [BLOCK, 0],
      [100, 0],
    ]);
    expect(one.stretches).toEqual([[BLOCK - 100, 0]]);
  });

  it('refuses block status to a client that did not ask for it beforehand', async () => {
    const client = await NbdClient.open(await serve(), { structured: false });

    expect(await client.request(Command.BLOCK_STATUS, 0, 10)).toMatchObject({ error: 22 });
  });

  it.each([Command.WRITE, Command.TRIM, Command.WRITE_ZEROES])(
    'lets nobody write (%i), and goes on',
    async (command) => {
      const client = await NbdClient.open(await serve());

      const asked = client.request(command, 0, 5000);
      if (command === Command.WRITE) client.send(randomBytes(5000));

      expect(await asked).toMatchObject({ error: ErrorNumber.EPERM });
      expect((await client.read(0, 10)).data).toEqual(content.subarray(0, 10));
    },
  );

  it.each([
    [SIZE - 5, 6],
    [SIZE, 1],
    [2n ** 64n - 1n, 1],
    [2n ** 63n, 2 ** 31],
    [0, 0],
  ])('refuses %s + %i by name, and goes on', async (offset, length) => {
    const client = await NbdClient.open(await serve());

    expect(await client.read(offset, length)).toMatchObject({ error: ErrorNumber.EINVAL });
    expect(await client.request(Command.FLUSH, 0, 0)).toMatchObject({ error: 0 });
    expect(await client.request(99, 0, 1)).toMatchObject({ error: ErrorNumber.EINVAL });
  });

  it('names the address where a chunk is damaged, and what is wrong with it', async () => {
    const port = await serve(diskWith({ damagedFrom: 2 * BLOCK + 3000 }));
    const client = await NbdClient.open(port);
    const plain = await NbdClient.open(port, { structured: false });

    const got = await client.read(0, 4 * BLOCK);

    expect(got).toMatchObject({
      error: ErrorNumber.EIO,
      errorOffset: 2 * BLOCK + 3000,
      message: expect.stringContaining('ChunkDamaged'),
    });
    expect(got.data.subarray(0, 2 * BLOCK).equals(content.subarray(0, 2 * BLOCK))).toBe(true);
    expect(await client.read(0, 4 * BLOCK, true)).toMatchObject({ error: ErrorNumber.EIO });
    expect(await plain.read(0, 4 * BLOCK)).toMatchObject({ error: ErrorNumber.EIO });
    expect((await plain.read(0, BLOCK)).data.equals(content.subarray(0, BLOCK))).toBe(true);
  });

  it('answers requests as they become ready, not as they came', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let reads = 0;
    const client = await NbdClient.open(
      await serve(diskWith({ before: () => (++reads === 1 ? held : Promise.resolve()) })),
    );

    const slow = client.ask(Command.READ, 0, 10);
    const quick = client.ask(Command.READ, 2 * BLOCK, 10, CommandFlag.DONT_FRAGMENT);
    const first = await client.take(20 + 8 + 10);
    release();
    const second = await client.take(20);

    expect(first.readBigUInt64BE(8)).toBe(quick);
    expect(second.readBigUInt64BE(8)).toBe(slow);
  });

  it('holds back reads beyond its budget until others have been answered', async () => {
    let under = 0;
    let most = 0;
    const before = async () => {
      most = Math.max(most, ++under);
      await new Promise(setImmediate);
      under -= 1;
    };
    const client = await NbdClient.open(await serve(diskWith({ before }), { budgetBytes: 100 }));

    for (let n = 0; n < 20; n += 1) client.ask(Command.READ, 0, 40, CommandFlag.DONT_FRAGMENT);
    await client.take(20 * (20 + 8 + 40));

    expect(most).toBe(2);
  });

  it('stops reading for a client that goes away', async () => {
    let aborted = false;
    const disk: GuestDisk = {
      ...diskWith(),
      // eslint-disable-next-line require-yield
      async *read(_offset, _length, signal) {
        await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason as Error);
          });
          client.socket.destroy();
        });
      },
    };
    const client = await NbdClient.open(await serve(disk));

    client.ask(Command.READ, 0, 10);

    await expect.poll(() => aborted).toBe(true);
  });
});

describe('the choice of an export', () => {
  it('lists what there is', async () => {
    const client = await NbdClient.connect(await serve());
    await client.hello();

    const replies = await client.option(Option.LIST);

    expect(replies.map(({ type }) => type)).toEqual([2, 2, OptionReply.ACK]);
    expect(replies[0]?.data.toString()).toContain('the root disk');
  });

  it('takes no name for the first, knows each by name, and refuses others', async () => {
    const port = await serve();
    const client = await NbdClient.connect(port);
    await client.hello();

    expect((await client.option(Option.INFO, choice(''))).at(-1)?.type).toBe(OptionReply.ACK);
    const refused = await client.option(Option.GO, choice('7'));
    expect(refused[0]).toMatchObject({ type: OptionReply.UNKNOWN });
    expect(refused[0]?.data.toString()).toContain('0, 1');
    const other = await NbdClient.open(port, { name: '1' });
    expect(await other.read(0, 1)).toMatchObject({ error: ErrorNumber.EIO });
  });

  it('takes the old way to choose too, with zeros for those who want them', async () => {
    const port = await serve();
    const client = await NbdClient.connect(port);
    await client.hello(1);
    client.send(Buffer.from('IHAVEOPT'), uint32(Option.EXPORT_NAME), uint32(1), Buffer.from('0'));

    expect((await client.take(10 + 124)).readBigUInt64BE(0)).toBe(BigInt(SIZE));
    expect((await client.read(0, 100)).data).toEqual(content.subarray(0, 100));

    const wrong = await NbdClient.connect(port);
    await wrong.hello();
    wrong.send(Buffer.from('IHAVEOPT'), uint32(Option.EXPORT_NAME), uint32(1), Buffer.from('9'));
    expect(await wrong.isHungUp()).toBe(true);
  });

  it('refuses options that it does not know or that are malformed, and goes on', async () => {
    const client = await NbdClient.connect(await serve());
    await client.hello();
    const answer = async (option: number, data?: Uint8Array) =>
      (await client.option(option, data)).at(-1)?.type;

    expect(await answer(77)).toBe(OptionReply.UNSUPPORTED);
    expect(await answer(Option.STARTTLS)).toBe(OptionReply.POLICY);
    expect(await answer(Option.GO, uint32(1000))).toBe(OptionReply.INVALID);
    expect(await answer(Option.LIST, Buffer.from('x'))).toBe(OptionReply.INVALID);
    expect(await answer(Option.LIST, Buffer.alloc(100_000))).toBe(OptionReply.TOO_BIG);
    // Contexts make sense only with structured replies.
    const set = contexts('', ['base:allocation']);
    expect(await answer(Option.SET_META_CONTEXT, set)).toBe(OptionReply.INVALID);
    expect(await answer(Option.STRUCTURED_REPLY)).toBe(OptionReply.ACK);
    expect(await client.option(Option.SET_META_CONTEXT, set)).toHaveLength(2);
    expect(await client.option(Option.SET_META_CONTEXT, contexts('', ['other:x']))).toHaveLength(1);
    expect(await client.option(Option.LIST_META_CONTEXT, contexts('', []))).toHaveLength(2);
    expect(await answer(Option.ABORT)).toBe(OptionReply.ACK);
    expect(await client.isHungUp()).toBe(true);
  });

  it('hangs up on what is not NBD, and serves the next client', async () => {
    const port = await serve();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const client = await NbdClient.connect(port);
        client.send(bytes);
        client.socket.end();
        for await (const _ of client.socket);
      }),
      { numRuns: 50 },
    );
    const client = await NbdClient.open(port);
    client.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.padEnd(60)));
    expect(await client.isHungUp()).toBe(true);

    expect((await (await NbdClient.open(port)).read(0, 9)).error).toBe(0);
  });

  it('hangs up on a client that never chooses', async () => {
    const client = await NbdClient.connect(await serve(diskWith(), { handshakeSeconds: 0.05 }));
    await client.take(18);

    expect(await client.isHungUp()).toBe(true);
  });

  it('hangs up on everybody when it is closed', async () => {
    const client = await NbdClient.open(await serve());
    await server.close();

    expect(await client.isHungUp()).toBe(true);
  });
});
