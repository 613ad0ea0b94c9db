/**
 * What the bank's engine takes of a processor, on a store in memory: `npx node test/bench/bank.bench.ts [MiB]`.
 * MB per second of processor time (all threads) is the figure to compare; wall time depends on what else the machine does.
 */
import { randomFillSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Bank } from '../../lib/bank/bank.ts';
import { readDataChunks } from '../../lib/bank/read/data-chunks.ts';
import { openImageFile } from '../../lib/bank/read/image-file.ts';
import { rawLayout } from '../../lib/disk/raw-layout.ts';
import { aBank, type BackedUp, backUp } from '../lib/bank/a-bank.ts';
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
  let parent: BackedUp | undefined;
  const first = await measured(data.length, async () => {
    if (parent !== undefined) await forget(bank, parent);
    parent = await backUp(bank, data);
  });
  if (parent === undefined) return;
  const backedUp = parent;
  const { newBytes, storedBytes } = backedUp.root.stats;
  print(`${kind}: new`, first, `ratio ${(newBytes / storedBytes).toFixed(2)}`);
  print(`${kind}: unchanged`, await measured(data.length, () => backUp(bank, data, { parent: backedUp })));
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

async function forget({ places }: Bank, { root }: BackedUp): Promise<void> {
  await places.bank.delete(root.packs.map(({ key }) => key));
}

const sizes = { chunkSizeBytes: 256 * 1024, chunksPerSegment: 4096 };
const data = vmLikeData();
await benchmark('files, sealed', await aBank(sizes), data);
await benchmark('files, unsealed', await aBank({ ...sizes, access: 'unsealed' }), data);
randomFillSync(data);
await benchmark('noise, sealed', await aBank(sizes), data);
console.log(`Most memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB, of it ${Math.round(sizeBytes / MIB)} MiB the disk and about as much the store.`);
