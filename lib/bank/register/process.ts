import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { ExecutionProcess } from './record.ts';

/** A process as /proc shows it: field 22 of proc(5)'s stat, and whether there is anything left of it but its exit code. */
interface ProcessStatus {
  startTicks: string;
  ended: boolean;
}

/** This process, for the record of an embedded run; undefined where there is no /proc, and leases alone decide. */
export async function thisProcess(): Promise<ExecutionProcess | undefined> {
  try {
    const status = await statusOf(process.pid);
    if (status === undefined) return undefined;
    return { ...(await place()), pid: process.pid, startTicks: status.startTicks };
  } catch {
    return undefined;
  }
}

/**
 * True when the process is known to have ended: it ran on this host before the host's last start, or its pid is free, a zombie's, or
 * another process's now. Of other hosts and other containers nothing is known.
 */
export async function isProcessGone(other: ExecutionProcess): Promise<boolean> {
  try {
    const here = await place();
    if (other.host !== here.host) return false;
    if (other.bootId !== here.bootId) return true;
    if (other.pidNamespace !== here.pidNamespace) return false;
    const status = await statusOf(other.pid);
    if (status === undefined) return !exists(other.pid);
    return status.ended || status.startTicks !== other.startTicks;
  } catch {
    return false;
  }
}

async function place(): Promise<Pick<ExecutionProcess, 'host' | 'bootId' | 'pidNamespace'>> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return { host: hostname(), bootId, pidNamespace: await readlink('/proc/self/ns/pid') };
}

async function statusOf(pid: number): Promise<ProcessStatus | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ESRCH: it ended between open and read.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined) throw new Error(`/proc/${pid}/stat has ${fields.length} fields.`);
  return { startTicks, ended: fields[0] === 'Z' || fields[0] === 'X' };
}

/** /proc may hide the processes of others (its mount option hidepid); a signal finds them. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
