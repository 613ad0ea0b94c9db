/**
 * What the bank's engine takes of a processor, on a store in memory: `npx node test/bench/bank.bench.ts [MiB]`.
 * MB per second of processor time (all threads) is the figure to compare; wall time depends on what else the machine does.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Bank } from '../../lib/bank/bank.ts';
import { readDataChunks } from '../../lib/bank/read/data-chunks.ts';
import { openImageFile } from '../../lib/bank/read/image-file.ts';
import { rawLayout } from '../../lib/disk/raw-layout.ts';
import { aBank, backUp } from '../lib/bank/a-bank.ts';
import { readerOfDisk } from '../lib/bank/read/restored.ts';

const MIB = 2 ** 20;
const sizeBytes = Number(process.argv[2] ?? 512) * MIB;
const ROUNDS = 3;

/** Files of this project and of node, over and over in other orders: programs, text, some of it compressed already. */
function vmLikeData(): Uint8Array {
  const data = Buffer.alloc(sizeBytes);
  let at = 0;
  for (const path of filesBelow(join(import.meta.dirname, '../../node_modules'))) {
    if (at >= data.length) break;
    const file = readFileSync(path);
    at += file.copy(data, at);
    // Files begin on blocks.
    at += 4096 - (at % 4096);
  }
  if (at < data.length) console.log(`Only ${Math.round(at / MIB)} MiB of files; the rest is zero.`);
  return data;
}

function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const entry = statSync(path, { throwIfNoEntry: false });
    if (entry?.isDirectory() === true) yield* filesBelow(path);
    else if (entry?.isFile() === true) yield path;
  }
}

interface Rate {
  perCpuSecond: number;
  perSecond: number;
}

async function measured(bytes: number, run: () => Promise<unknown>): Promise<Rate> {
  let best: Rate = { perCpuSecond: 0, perSecond: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    await run();
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const rate = {
      perCpuSecond: bytes / 1e6 / ((user + system) / 1e6),
      perSecond: bytes / 1e6 / seconds,
    };
    if (rate.perCpuSecond > best.perCpuSecond) best = rate;
  }
  return best;
}

function print(what: string, { perCpuSecond, perSecond }: Rate, note = ''): void {
  const columns = [perCpuSecond, perSecond].map((rate) => rate.toFixed(0).padStart(6));
  console.log(`${what.padEnd(34)} ${columns.join(' MB/CPU-s ')} MB/s ${note}`);
}

async function benchmark(kind: string, bank: Bank, data: Uint8Array): Promise<void> {
  const first = await measured(data.length, () => backUp(forgetful(bank), data));
  const backedUp = await backUp(bank, data);
  const { newBytes, storedBytes } = backedUp.root.stats;
  print(`${kind}: new`, first, `ratio ${(newBytes / storedBytes).toFixed(2)}`);
  const again = await measured(data.length, () => backUp(bank, data, { parent: backedUp }));
  print(`${kind}: unchanged`, again);
  const reader = readerOfDisk(bank, backedUp.root);
  const stored = await measured(newBytes, async () => {
    for await (const { outcome } of readDataChunks(reader, 0, reader.chunkCount)) {
      if (outcome instanceof Error) throw outcome;
    }
  });
  print(`${kind}: read and prove`, stored);
  const file = await measured(data.length, async () => {
    const layout = rawLayout(reader.map);
    for await (const piece of openImageFile(layout, reader)) if (piece.length === 0) break;
  });
  print(`${kind}: stream the image file`, file);
}

/** The same work without the engine, on one thread: what the machine can do at this moment. */
async function kernels(kind: string, data: Uint8Array): Promise<void> {
  const chunkBytes = 256 * 1024;
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  const sealed: { body: Buffer; tag: Buffer }[] = [];
  const hmac = (chunk: Uint8Array) => createHmac('sha256', key).update(chunk).digest();
  const each = (work: (chunk: Uint8Array) => void) => async () => {
    for (let at = 0; at < data.length; at += chunkBytes) work(data.subarray(at, at + chunkBytes));
  };
  print(`${kind}: HMAC`, await measured(data.length, each(hmac)));
  const seal = each((chunk) => {
    hmac(chunk);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const body = cipher.update(zstdCompressSync(chunk, { chunkSize: chunkBytes + 2048, params }));
    cipher.final();
    sealed.push({ body, tag: cipher.getAuthTag() });
  });
  print(`${kind}: HMAC, zstd, GCM`, await measured(data.length, seal));
  const open = async () => {
    for (const { body, tag } of sealed.slice(0, data.length / chunkBytes)) {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
      decipher.setAuthTag(tag);
      hmac(zstdDecompressSync(decipher.update(body), { chunkSize: chunkBytes + 64 }));
      decipher.final();
    }
  };
  print(`${kind}: GCM, unzstd, HMAC`, await measured(data.length, open));
}

/** The bank on a store that takes everything and keeps nothing, so that keeping it is not measured. */
function forgetful(bank: Bank): Bank {
  return {
    ...bank,
    places: { ...bank.places, bank: { ...bank.places.bank, put: async () => {} } },
  };
}

const sizes = { chunkSizeBytes: 256 * 1024, chunksPerSegment: 4096 };
const data = vmLikeData();
await kernels('files', data);
await benchmark('files, sealed', await aBank(sizes), data);
await benchmark('files, unsealed', await aBank({ ...sizes, access: 'unsealed' }), data);
randomFillSync(data);
await kernels('noise', data);
await benchmark('noise, sealed', await aBank(sizes), data);
