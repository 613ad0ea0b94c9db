import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Json } from '../local/engine/json.ts';
import type { MachineName } from '../local/machines.ts';

/** What makes two commands the same: an interrupted one is continued by typing it again. */
export interface Command {
  machine: MachineName;
  /** Bank id and cloud, or the machine in AWS: the same words mean something else elsewhere. */
  scope: readonly string[];
  input: Json;
}

export interface NamedExecution {
  name: string;
  /** Whether an earlier command of the same words was interrupted. */
  continued: boolean;
  /** To be called when the execution has ended by itself, well or not. */
  readonly ended: () => Promise<void>;
}

/**
 * How long after its last step an interrupted execution is continued by the same words: as long as its checkpoints are open. Later, as
 * when a nightly backup died the night before, the words mean the servers as they are now.
 */
const CONTINUED_WITHIN_MILLISECONDS = 3600_000;

/** A new name for an execution: sorts by time, and says what it is. */
function newName(machine: MachineName): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  return `${machine}-${stamp}-${randomBytes(3).toString('hex')}`;
}

/**
 * The name of the execution that the command runs: the one given, else that of an interrupted command of the same words, if it is one
 * that is continued, else a new one. Kept in the state directory until the execution ends.
 */
export async function nameExecution(
  stateDirectory: string,
  command: Command,
  given: string | undefined,
  isContinued: (name: string) => Promise<boolean>,
): Promise<NamedExecution> {
  if (given !== undefined) return { name: given, continued: false, ended: async () => {} };
  const digest = createHash('sha256').update(JSON.stringify(command)).digest('hex').slice(0, 32);
  const directory = join(stateDirectory, 'unfinished');
  const path = join(directory, digest);
  const ended = async () => {
    await rm(path, { force: true });
  };
  const left = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (left !== '' && (await isContinued(left))) {
    return { name: left, continued: true, ended };
  }
  const name = newName(command.machine);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(path, `${name}\n`, { mode: 0o600 });
  return { name, continued: false, ended };
}

/** Whether an embedded execution took its last step recently enough to be continued. */
export async function isHistoryFresh(
  stateDirectory: string,
  machine: MachineName,
  name: string,
): Promise<boolean> {
  const folder = join(stateDirectory, 'executions', `snapbank-${machine}`, name);
  // One that ended before its first step has no history.
  const path = [join(folder, 'history.jsonl'), folder].find((one) => existsSync(one)) ?? folder;
  try {
    return Date.now() - (await stat(path)).mtimeMs < CONTINUED_WITHIN_MILLISECONDS;
  } catch {
    return false;
  }
}
