import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidInput } from '../../lib/errors.ts';
import { ExecutionRunning, HistoryCorrupt } from './errors.ts';
import type { HistoryEvent, HistoryStore, OpenHistory } from './history.ts';
import { lockDirectory } from './process-lock.ts';

const READ_BYTES = 65_536;
const NEWLINE = 0x0a;

/**
 * Keeps histories as files `DIRECTORY/STATE_MACHINE/EXECUTION/history.jsonl`, an event a line, beside the lock of the process that
 * writes it. Only the owner may read them.
 */
export function historyDirectory(directory: string): HistoryStore {
  return {
    async open(stateMachineName, executionName) {
      for (const name of [stateMachineName, executionName]) {
        if (!/^[\w-][\w.-]*$/.test(name)) {
          throw new InvalidInput(`a history cannot be kept under the name ${name}`);
        }
      }
      const folder = join(directory, stateMachineName, executionName);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const lock = await lockDirectory(folder);
      if (lock.holder !== undefined) {
        throw new ExecutionRunning(
          `${lock.holder} runs the execution ${executionName} of ${stateMachineName} now. If that cannot be, remove ${folder}/lock.*`,
        );
      }
      try {
        const path = join(folder, 'history.jsonl');
        const file = await open(path, 'a+', 0o600);
        await cutTornTail(file);
        for (const place of [folder, dirname(folder), directory]) await syncFolder(place);
        return new HistoryFile(file, path, lock.release);
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

class HistoryFile implements OpenHistory {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #release: () => Promise<void>;
  #lines: string[] = [];
  /** The group that waits for those before it to reach the disk, and takes every event until then. */
  #nextGroup: Promise<void> | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, path: string, release: () => Promise<void>) {
    this.#file = file;
    this.#path = path;
    this.#release = release;
  }

  async *read(): AsyncGenerator<HistoryEvent> {
    let number = 0;
    for await (const line of linesOf(this.#file)) {
      number += 1;
      try {
        yield JSON.parse(line.toString('utf8')) as HistoryEvent;
      } catch (error) {
        throw new HistoryCorrupt(`line ${number} of ${this.#path} is not an event of a history`, {
          cause: error,
        });
      }
    }
  }

  append(event: HistoryEvent): Promise<void> {
    this.#lines.push(`${JSON.stringify(event)}\n`);
    if (this.#nextGroup === undefined) {
      // A group that could not be written rejects all that follow it: a history has no holes.
      this.#nextGroup = this.#written.then(() => this.#writeGroup());
      this.#written = this.#nextGroup;
      this.#written.catch(() => {});
    }
    return this.#nextGroup;
  }

  async close(): Promise<void> {
    await this.#written.catch(() => {});
    await this.#file.close();
    await this.#release();
  }

  async #writeGroup(): Promise<void> {
    const group = this.#lines.join('');
    this.#lines = [];
    this.#nextGroup = undefined;
    await this.#file.appendFile(group);
    await this.#file.datasync();
  }
}

async function* linesOf(file: FileHandle): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  const buffer = Buffer.alloc(READ_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, start)) {
      yield rest.subarray(start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
}

/** A crash may have left half a line at the end. */
async function cutTornTail(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(READ_BYTES);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - READ_BYTES);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) return await cutAt(file, start + newline + 1, size);
    end = start;
  }
  await cutAt(file, 0, size);
}

async function cutAt(file: FileHandle, length: number, size: number): Promise<void> {
  if (length < size) await file.truncate(length);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
