import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { GuestMark } from './guest-report.ts';

const mebibyte = 1024 ** 2;
const mark = /^LABMARK boot=(\d+) uuid=([0-9a-f-]{36}) sha256=([0-9a-f]{64}) end/;

/** The marks that guests left on a raw disk file, and whether each one's blob still has its hash. */
export async function marksOnDisk(path: string): Promise<(GuestMark & { whole: boolean })[]> {
  const file = await open(path);
  try {
    const marks = [];
    for (let boot = 0; ; boot += 1) {
      const sector = await bytesAt(file, 40 * mebibyte + boot * 512, 512);
      const [, number, serverId, sha256] = mark.exec(sector.toString('latin1')) ?? [];
      if (serverId === undefined || sha256 === undefined) return marks;
      const blob = await bytesAt(file, (48 + 4 * boot) * mebibyte, 4 * mebibyte);
      const whole = createHash('sha256').update(blob).digest('hex') === sha256;
      marks.push({ boot: Number(number), serverId, sha256, whole });
    }
  } finally {
    await file.close();
  }
}

async function bytesAt(
  file: Awaited<ReturnType<typeof open>>,
  position: number,
  length: number,
): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
