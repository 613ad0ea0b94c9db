import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { type Counts, type Moment, MOMENTS, type SignalPlan } from './moments.ts';

// Loaded before the command (`node --import`): the process sends itself a signal at the n-th of a kind of moments. To the process it is
// the same as a signal from outside, only that it comes at a place that can be named again.

const plan = JSON.parse(process.env['SNAPBANK_TEST_SIGNAL_AT'] ?? '{}') as SignalPlan;
const counts = Object.fromEntries(MOMENTS.map((moment) => [moment, 0])) as Counts;

/** True where nothing is to come after this moment. */
function reach(moment: Moment): boolean {
  counts[moment] += 1;
  if (moment !== plan.moment || counts[moment] !== plan.number) return false;
  process.kill(process.pid, plan.signal);
  return plan.hangs === true;
}

/** As a call of the system that does not return: it keeps the process. */
async function hang(): Promise<never> {
  setInterval(() => {}, 1000);
  return await new Promise<never>(() => {});
}

subscribe('http.client.request.start', () => {
  reach('request');
  // By then the request has been handed to the kernel.
  setImmediate(() => reach('sent'));
});
subscribe('http.client.response.finish', () => reach('answer'));

type Call = (...args: unknown[]) => unknown;

/** `before` and `after` each call. */
function watch(owner: object, name: string, before: () => unknown, after: () => unknown): void {
  const calls = owner as Record<string, Call>;
  const original = calls[name];
  if (original === undefined) throw new Error(`Node has no ${name}.`);
  calls[name] = async function (this: unknown, ...args: unknown[]) {
    if (before() === true) await hang();
    const result = await original.apply(this, args);
    if (after() === true) await hang();
    return result;
  };
}

const changes = ['link', 'mkdir', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile', 'truncate'];
for (const name of changes) {
  watch(
    fs,
    name,
    () => reach('file'),
    () => reach('filed'),
  );
}
const probe = await fs.open('/dev/null');
const handles = Object.getPrototypeOf(probe) as object;
await probe.close();
for (const name of ['write', 'writeFile', 'truncate']) {
  watch(
    handles,
    name,
    () => reach('file'),
    () => reach('filed'),
  );
}
// Only histories are appended to.
let appended = false;
watch(
  handles,
  'appendFile',
  () => {
    appended = true;
    reach('file');
  },
  () => reach('filed'),
);
watch(
  handles,
  'datasync',
  () => {},
  () => {
    const isRecord = appended;
    appended = false;
    return isRecord && reach('recorded');
  },
);
syncBuiltinESMExports();

process.on('exit', () => {
  if (plan.countsFile !== undefined) writeFileSync(plan.countsFile, JSON.stringify(counts));
});
