import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskInBank } from '../machines/disk-in-bank.ts';
import { randomNumbers } from '../../local/demo-cloud/faults.ts';
import type { LoggedRequest } from '../../local/demo-cloud/request-log.ts';
import { leftovers } from './leftovers.ts';
import { type Counts, MOMENTS } from './moments.ts';
import type { Ended, Interruption } from './snapbank-process.ts';
import { openStage, SEGMENT_BYTES, SEGMENTS, type Stage, type StageOptions } from './stage.ts';

export interface InterruptOptions {
  seed: number;
  /** Of several each interruption draws one. */
  signals: readonly [NodeJS.Signals, ...NodeJS.Signals[]];
  machine: 'backup' | 'restore';
  s3?: StageOptions['s3'];
}

/** What an interrupted run came to. */
export interface Interrupted {
  description: string;
  /** Signals that met the command before its end. */
  interruptions: NodeJS.Signals[];
  /** Whether the last command said that it continues what was interrupted. */
  continued: boolean;
  /** Segments that were finished when the process died, and bytes of them that were asked for again. */
  finishedSegments: number;
  reReadBytes: number;
  /** Snapshot images of one checkpoint that were there at once after an interruption, at most. */
  snapshots: number;
}

/** Beginnings of files, to prove ranges and to recognise formats; of qcow2 its tables. */
const TABLES_BYTES = { raw: 16_384, qcow2: 512 * 1024 };
const MOST_INTERRUPTIONS = 6;

interface Draw {
  options: StageOptions;
  argv: string[];
  description: string;
}

function draw({ machine, s3 }: InterruptOptions, next: () => number): Draw {
  const pick = <T>(...choices: [T, ...T[]]): T =>
    choices[Math.floor(next() * choices.length)] ?? choices[0];
  const range = next() < 0.75 ? 'yes' : 'refuse-400';
  const options: StageOptions = {
    s3,
    snapshotFormat: pick('raw', 'qcow2'),
    range,
    servers: machine === 'backup' ? pick(1, 2) : 1,
    slowness: pick(0, 200, 800),
    next,
  };
  const how = s3 !== undefined && next() < 0.6 ? 'web-download' : 'stream';
  const check = next() < 0.5 ? ['--check'] : [];
  const imageOnly = next() < 0.2 ? ['--image-only'] : [];
  const argv =
    machine === 'backup'
      ? ['backup', '--all']
      : ['restore', 'web-1@latest', '--name', 'again', '--import', how, ...check, ...imageOnly];
  const place = s3 === undefined ? 'directory' : 's3';
  const { servers, slowness, snapshotFormat } = options;
  const cloud = `${String(servers)} servers, ${snapshotFormat}, ranges ${range}, ${String(slowness)} ms`;
  return {
    options,
    argv,
    description: `${argv.join(' ')} (${place}, ${cloud})`,
  };
}

/** About how many of each moment an undisturbed run meets, as `SNAPBANK_TEST_SIGNAL_AT` with a `countsFile` tells. */
const USUAL: Readonly<Record<string, Counts>> = {
  'backup directory': { request: 26, sent: 26, answer: 26, recorded: 45, file: 215, filed: 150 },
  'restore directory': { request: 28, sent: 28, answer: 28, recorded: 36, file: 72, filed: 63 },
  'backup s3': { request: 180, sent: 180, answer: 180, recorded: 50, file: 60, filed: 60 },
  'restore s3': { request: 114, sent: 114, answer: 114, recorded: 34, file: 43, filed: 43 },
};
/** A command begins its work within this time on a busy machine, and is done on an idle one. */
const USUAL_MILLISECONDS = 3000;

/** A stage with one backup behind it, and data that was written since. */
async function prepare(options: StageOptions): Promise<Stage> {
  const stage = await openStage(options);
  try {
    await stage.writeData();
    await stage.succeed('backup', '--all');
    return stage;
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/**
 * A command is interrupted at moments drawn by the seed, and typed again until it ends by itself. Throws what does not hold: the last
 * one succeeds and continues what was there, finished segments are not read again, the result is the data, and nothing is left.
 */
export async function interrupt(options: InterruptOptions): Promise<Interrupted> {
  const { seed, signals, machine } = options;
  const next = randomNumbers(seed);
  const drawn = draw(options, next);
  const counts = USUAL[`${machine} ${options.s3 === undefined ? 'directory' : 's3'}`];
  if (counts === undefined) throw new Error('Nothing is known of such a run.');
  const stage = await prepare(drawn.options);
  try {
    await stage.writeData();
    if (next() < 0.25) delayOneSnapshot(stage, next);
    const argv = drawn.argv;
    const seen: Seen = { finished: new Set(), from: 0, reReadBytes: 0, snapshots: 0 };
    const where: string[] = [];
    const interruptions: NodeJS.Signals[] = [];
    let ended: Ended | undefined;
    let last: Ended | undefined;
    while (where.length < MOST_INTERRUPTIONS) {
      const interruption = drawInterruption(next, counts, signals);
      const { signal } = interruption;
      const run = await stage.snapbank(argv, interruption);
      countReRead(stage, seen, drawn.options);
      if (run.signal === null && run.exitCode === 0) {
        ended = run;
        break;
      }
      where.push(JSON.stringify(interruption));
      interruptions.push(signal);
      expectStopped(run, signal);
      last = run;
      seen.snapshots = Math.max(seen.snapshots, snapshotsOfOneCheckpoint(stage));
      await lookAtReceipts(stage, seen);
      if (next() < 0.2) break;
    }
    const mustContinue = last !== undefined && (await isUnfinished(stage, last));
    if (ended === undefined) {
      ended = await stage.snapbank(argv);
      countReRead(stage, seen, drawn.options);
    }
    const description = `${drawn.description}, at ${where.join(', then ') || 'no moment'}`;
    if (ended.exitCode !== 0) {
      throw new Error(`${description}: exit code ${String(ended.exitCode)}: ${ended.stderr}`);
    }
    const continued = ended.events.some((event) => event['continued'] === true);
    if (mustContinue && !continued) throw new Error(`${description}: it was not continued.`);
    if (seen.reReadBytes > 0) {
      throw new Error(
        `${description}: ${String(seen.reReadBytes)} finished bytes were read again.`,
      );
    }
    const own = await expectResult(stage, machine, ended, description);
    const left = await leftovers(stage, own);
    if (left.length > 0) throw new Error(`${description}: left: ${left.join(', ')}`);
    await expectCollectable(stage, description);
    return {
      description,
      interruptions,
      continued,
      finishedSegments: seen.finished.size,
      reReadBytes: seen.reReadBytes,
      snapshots: seen.snapshots,
    };
  } finally {
    await stage.close();
  }
}

/** Nova takes its time with a snapshot: the request may take effect after the process that sent it is gone. */
function delayOneSnapshot({ cloud }: Stage, next: () => number): void {
  cloud.faults.add(
    { service: 'compute', method: 'POST', path: /\/action$/ },
    { kind: 'delay', ms: Math.floor(next() * 2000) },
  );
}

function drawInterruption(
  next: () => number,
  counts: Counts,
  signals: InterruptOptions['signals'],
): Interruption {
  const [first] = signals;
  const signal =
    signals.length === 1 ? first : (signals[Math.floor(next() * signals.length)] ?? first);
  if (next() < 0.15) return { afterMilliseconds: Math.floor(next() * USUAL_MILLISECONDS), signal };
  const moment = MOMENTS[Math.floor(next() * MOMENTS.length)] ?? 'sent';
  return { moment, signal, number: 1 + Math.floor(next() * next() * counts[moment]) };
}

function expectStopped(run: Ended, signal: NodeJS.Signals): void {
  if (run.signal === signal) return;
  const politely = signal !== 'SIGKILL' && run.exitCode === 1 && /same command/.test(run.stderr);
  if (!politely) {
    throw new Error(
      `After ${signal}: exit code ${String(run.exitCode)}, ${run.signal ?? 'no signal'}: ${run.stderr}`,
    );
  }
}

interface Seen {
  /** Finished segments, as `image segment`. */
  finished: Set<string>;
  /** Requests of the cloud that were looked at. */
  from: number;
  reReadBytes: number;
  snapshots: number;
}

function snapshotsOfOneCheckpoint({ cloud }: Stage): number {
  const names = cloud.inventory().images.map(({ name }) => name);
  const snapshots = names.filter((name) => /^snapbank-[0-9a-f]{24}$/.test(name));
  const groups = [...Map.groupBy(snapshots, (name) => name).values()];
  return Math.max(0, ...groups.map((group) => group.length));
}

async function lookAtReceipts({ services }: Stage, seen: Seen): Promise<void> {
  for await (const { key } of services.places.work.list('receipts/')) {
    const [, , imageId = '', segment = ''] = key.split('/');
    seen.finished.add(`${imageId} ${segment.split('-')[1] ?? ''}`);
  }
}

/**
 * What was asked for again of segments that were finished before the run. A raw file's addresses are the disk's; of qcow2 only the
 * amount can be judged.
 */
function countReRead(stage: Stage, seen: Seen, { snapshotFormat, range }: StageOptions): void {
  const requests = stage.cloud.requests.all.slice(seen.from);
  seen.from = stage.cloud.requests.all.length;
  if (range !== 'yes') return;
  const byImage = Map.groupBy(requests.filter(isDownload), ({ path }) => path.split('/')[3] ?? '');
  for (const [imageId, downloads] of byImage) {
    const finished = Array.from({ length: SEGMENTS }, (_, index) => index).filter((index) =>
      seen.finished.has(`${imageId} ${String(index)}`),
    );
    const allowance = TABLES_BYTES[snapshotFormat];
    const bytes =
      snapshotFormat === 'raw'
        ? downloads.reduce((sum, one) => sum + overlap(one, finished), 0)
        : downloads.reduce((sum, one) => sum + length(one), 0) -
          (SEGMENTS - finished.length) * (SEGMENT_BYTES + allowance);
    if (finished.length > 0 && bytes > allowance) seen.reReadBytes += bytes;
  }
}

function isDownload({ method, path, status, asked }: LoggedRequest): boolean {
  return method === 'GET' && path.endsWith('/file') && status === 206 && asked !== undefined;
}

function length({ asked }: LoggedRequest): number {
  return asked === undefined ? 0 : asked.end - asked.start;
}

function overlap({ asked }: LoggedRequest, segments: readonly number[]): number {
  if (asked === undefined) return 0;
  return segments.reduce((sum, segment) => {
    const start = Math.max(asked.start, segment * SEGMENT_BYTES);
    const end = Math.min(asked.end, (segment + 1) * SEGMENT_BYTES);
    return sum + Math.max(0, end - start);
  }, 0);
}

/** Whether the history of the interrupted execution has begun and has not ended. */
async function isUnfinished({ directory }: Stage, { events }: Ended): Promise<boolean> {
  const name = events.find(({ type }) => type === 'execution')?.['name'];
  if (typeof name !== 'string') return false;
  const machine = name.split('-')[0] ?? '';
  const folder = join('.local/state/snapbank/executions', `snapbank-${machine}`, name);
  const history = await readFile(join(directory, folder, 'history.jsonl'), 'utf8').catch(() => '');
  const ended = /^\{[^{]*"type":"Execution(Succeeded|Failed)"/m;
  const own = history.split('\n').filter((line) => !line.includes('"path":'));
  return history.includes('ExecutionStarted') && !own.some((line) => ended.test(line));
}

/** The data is what the users wrote. Returns the ids of what may stay in the cloud. */
async function expectResult(
  stage: Stage,
  machine: 'backup' | 'restore',
  { events }: Ended,
  description: string,
): Promise<Set<string>> {
  const own = new Set([stage.imageId, ...stage.serverIds]);
  const summary = events.at(-1) ?? {};
  if (machine === 'backup') {
    const servers = summary['servers'] as { id: string; checkpoint: string }[];
    if (servers.length !== stage.serverIds.length) throw new Error(`${description}: servers miss.`);
    for (const { id, checkpoint } of servers) {
      const stored = await diskInBank(stage.services, checkpoint);
      if (!stored.equals(await stage.disk(id))) throw new Error(`${description}: other data.`);
    }
    return own;
  }
  const { checkpoint, imageId, serverId } = summary as Record<string, string | null>;
  own.add(imageId ?? '');
  if (serverId !== null && serverId !== undefined) {
    own.add(serverId);
    const wanted = await diskInBank(stage.services, checkpoint ?? '');
    if (!wanted.equals(await stage.disk(serverId))) throw new Error(`${description}: other data.`);
  } else {
    const wanted = await diskInBank(stage.services, checkpoint ?? '');
    const probe = await stage.cloud.addServer({ name: 'probe', imageId: imageId ?? '' });
    if (!wanted.equals((await stage.disk(probe)).subarray(0, wanted.length))) {
      throw new Error(`${description}: other data.`);
    }
    await stage.cloud.removeServer(probe);
  }
  return own;
}

/** What the dead process wrote in vain can be collected, and nothing that is needed goes with it. */
async function expectCollectable(stage: Stage, description: string): Promise<void> {
  const before = await diskInBank(stage.services, 'web-1@latest');
  await stage.succeed('collect-garbage', '--force');
  const after = await diskInBank(stage.services, 'web-1@latest');
  if (!after.equals(before)) throw new Error(`${description}: the collection took data.`);
}
