/**
 * Megabytes per second of a store: puts, whole gets and ranged gets, several at once.
 *
 *     node test/bench/store.bench.ts LOCATION [SIZE_MIB=16] [COUNT=64] [IN_FLIGHT=8]
 *
 * LOCATION is a directory or s3://BUCKET/PREFIX (with the AWS_* variables). What it writes, below `bench/`, it removes.
 */
import { randomBytes } from 'node:crypto';
import { openStore } from '../../lib/bank/store/location.ts';

const [location = '', sizeMib = '16', count = '64', inFlight = '8'] = process.argv.slice(2);
if (location === '') {
  console.error('usage: node test/bench/store.bench.ts LOCATION [SIZE_MIB] [COUNT] [IN_FLIGHT]');
  process.exit(2);
}
const store = openStore(location);
const bytes = randomBytes(Number(sizeMib) * 2 ** 20);
const keys = Array.from({ length: Number(count) }, (_, index) => `bench/${process.pid}/${index}`);
const range = { offset: bytes.length / 4, length: bytes.length / 2 };

async function measure(name: string, bytesEach: number, act: (key: string) => Promise<unknown>) {
  const left = [...keys];
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const worker = async () => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) await act(key);
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, worker));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const megabytes = (bytesEach * keys.length) / 1e6;
  console.log(
    `${name.padEnd(10)} ${(megabytes / seconds).toFixed(0).padStart(6)} MB/s ${((seconds * 1000) / keys.length).toFixed(1).padStart(8)} ms each ${((user + system) / 1e6 / (megabytes / 1000)).toFixed(2).padStart(6)} CPU s/GB`,
  );
}

console.log(`${store.location}: ${count} x ${sizeMib} MiB, ${inFlight} in flight`);
try {
  // The first files pay for memory that the system keeps for the next ones.
  for (const key of keys) await store.put(key, bytes);
  await measure('put', bytes.length, (key) => store.put(key, bytes));
  await measure('get', bytes.length, (key) => store.get(key));
  await measure('get range', range.length, (key) => store.get(key, { range }));
  await store.delete(keys);
  await measure('create', bytes.length, (key) => store.putIfAbsent(key, bytes));
} finally {
  await store.delete(keys);
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`);
