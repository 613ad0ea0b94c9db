import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionOutcome } from '../local/engine/execution-options.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Json } from '../local/engine/json.ts';
import { isLocked } from '../local/engine/process-lock.ts';
import { MACHINE_NAMES, type MachineName } from '../local/machines.ts';
import { type ExecutionRow, type ServerCounts, serverCountsOf } from './execution-row.ts';

/** An event may hold an input of 256 KiB, as JSON within JSON. */
const LAST_EVENT_BYTES = 1024 ** 2;

interface HistoryFile {
  machine: MachineName;
  name: string;
  directory: string;
  path: string;
  changedAt: number;
}

/** An embedded execution with what a new one for its failed servers needs. */
export interface EmbeddedExecution extends ExecutionRow {
  input: Json;
  outcome: ExecutionOutcome | undefined;
}

/** The embedded executions of this state directory, the one that did something last first. */
export async function* listEmbedded(
  stateDirectory: string,
  machines: readonly MachineName[] = MACHINE_NAMES,
): AsyncGenerator<EmbeddedExecution> {
  const files: HistoryFile[] = [];
  for (const machine of machines) {
    const folder = join(stateDirectory, 'executions', `snapbank-${machine}`);
    for (const name of await readdir(folder).catch(() => [])) {
      const directory = join(folder, name);
      const path = join(directory, 'history.jsonl');
      const changedAt = (await stat(path).catch(() => undefined))?.mtimeMs;
      if (changedAt !== undefined) files.push({ machine, name, directory, path, changedAt });
    }
  }
  for (const file of files.sort((one, other) => other.changedAt - one.changedAt)) {
    const execution = await readExecution(file);
    if (execution !== undefined) yield execution;
  }
}

/** Undefined where its first event never reached the disk. */
async function readExecution(file: HistoryFile): Promise<EmbeddedExecution | undefined> {
  const { machine, name, directory, path } = file;
  const first = await firstEvent(path);
  if (first?.type !== 'ExecutionStarted') return undefined;
  const last = await lastEvent(path);
  const outcome = last === undefined ? undefined : outcomeIn(last);
  const { input } = first.executionStartedEventDetails;
  return {
    name,
    machine,
    arn: null,
    status: outcome?.status ?? ((await isLocked(directory)) ? 'RUNNING' : 'INTERRUPTED'),
    startedAt: new Date(first.timestamp),
    stoppedAt: outcome === undefined || last === undefined ? null : new Date(last.timestamp),
    error: outcome?.error ?? null,
    servers: machine === 'backup' ? await countServers(path, outcome) : null,
    input: JSON.parse(input) as Json,
    outcome,
  };
}

function outcomeIn(event: HistoryEvent): ExecutionOutcome | undefined {
  if (event.path !== undefined && event.path.length > 0) return undefined;
  if (event.type === 'ExecutionSucceeded') {
    const { output } = event.executionSucceededEventDetails;
    return { status: 'SUCCEEDED', output: JSON.parse(output) as Json };
  }
  if (event.type === 'ExecutionFailed') {
    const { error = 'States.Runtime', cause = '' } = event.executionFailedEventDetails;
    return { status: 'FAILED', error, cause };
  }
  if (event.type === 'ExecutionTimedOut') return { status: 'TIMED_OUT' };
  return event.type === 'ExecutionAborted' ? { status: 'ABORTED' } : undefined;
}

/** From the summary, where there is one; else the child executions that have ended are counted. */
async function countServers(
  path: string,
  outcome: ExecutionOutcome | undefined,
): Promise<ServerCounts | null> {
  const counts = outcome === undefined ? null : serverCountsOf(outcome);
  if (counts !== null) return counts;
  const ends = new Map<string, boolean>();
  for await (const { path: steps = [], type } of eventsOf(path)) {
    const [step, ...more] = steps;
    if (step === undefined || more.length > 0) continue;
    if (type === 'ExecutionSucceeded') ends.set(step, true);
    else if (type === 'ExecutionFailed') ends.set(step, false);
  }
  const succeeded = [...ends.values()].filter(Boolean).length;
  return { total: null, succeeded, failed: ends.size - succeeded };
}

async function firstEvent(path: string): Promise<HistoryEvent | undefined> {
  for await (const event of eventsOf(path)) return event;
  return undefined;
}

/** The events of a file that another process may be writing: what is not whole yet is left out. */
async function* eventsOf(path: string): AsyncGenerator<HistoryEvent> {
  const stream = createReadStream(path);
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  try {
    for await (const line of lines) {
      const event = parsed(line);
      if (event !== undefined) yield event;
    }
  } finally {
    lines.close();
    stream.destroy();
  }
}

async function lastEvent(path: string): Promise<HistoryEvent | undefined> {
  const file = await open(path);
  try {
    const lines = (await tailOf(file)).split('\n');
    for (const line of lines.reverse()) {
      const event = parsed(line);
      if (event !== undefined) return event;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

async function tailOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const start = Math.max(0, size - LAST_EVENT_BYTES);
  const buffer = Buffer.alloc(size - start);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return buffer.subarray(0, bytesRead).toString();
}

function parsed(line: string): HistoryEvent | undefined {
  try {
    return JSON.parse(line) as HistoryEvent;
  } catch {
    return undefined;
  }
}
