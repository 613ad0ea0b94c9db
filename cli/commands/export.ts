import { open, rm } from 'node:fs/promises';
import { isZero } from '../../lib/bank/format/chunk.ts';
import { ChunkReader } from '../../lib/bank/read/chunk-reader.ts';
import { openImageFile } from '../../lib/bank/read/image-file.ts';
import { writeAll } from '../../lib/bank/store/directory-files.ts';
import { InvalidInput } from '../../lib/errors.ts';
import { ROOT_DISK } from '../../lib/protect/disks.ts';
import { diskOf } from '../../lib/restore/checkpoint-root.ts';
import { imageFileLayout } from '../../lib/restore/image-layout.ts';
import type { CommandContext } from '../context.ts';
import type { Output } from '../output.ts';
import { type PinnedCheckpoint, readPinned } from '../read-pinned.ts';
import { formatBytes } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

export interface ExportOptions {
  output: string;
  format?: 'raw' | 'qcow2';
  disk?: number;
}

/** `snapbank export`: a disk of a checkpoint as a file of this computer. Needs no cloud. A file that is not whole is removed. */
export async function exportDisk(
  context: CommandContext,
  reference: string,
  options: ExportOptions,
): Promise<void> {
  const format = wantedFormat(options, context.output);
  await readPinned(context, { reference, command: 'export' }, (pinned) =>
    writeDisk(context, pinned, { ...options, wanted: format }),
  );
}

async function writeDisk(
  { output, signal }: CommandContext,
  { bank, readable, keepPin }: PinnedCheckpoint,
  { wanted: format, ...options }: ExportOptions & { wanted: 'raw' | 'qcow2' | undefined },
): Promise<void> {
  const { checkpoint } = readable;
  const { content: disk, description } = diskOf(readable, options.disk ?? ROOT_DISK);
  if (disk.format === 'opaque' && options.format !== undefined) {
    throw new InvalidInput(
      `The disk was backed up as an opaque ${description.image.diskFormat ?? 'file'}; leave out --format to get that file back.`,
    );
  }
  const reader = new ChunkReader(bank, readable.root, disk);
  const asBackedUp = disk.format === 'qcow2' ? 'qcow2' : 'raw';
  // The file that an opaque disk was is given back whatever it is called.
  const written = disk.format === 'opaque' ? asBackedUp : (format ?? asBackedUp);
  const layout = imageFileLayout(reader.map, disk, written);
  const progress = output.progress({ one: 'disk', many: 'disks' });
  const row = {
    id: checkpoint,
    label: readable.description.server.name,
    totalBytes: layout.fileSizeBytes,
  };
  let doneBytes = 0;
  try {
    await writeNewFile(options.output, async (write) => {
      for await (const bytes of openImageFile(layout, reader, { signal })) {
        await write(bytes);
        doneBytes += bytes.length;
        progress.update({ ...row, state: 'running', phase: 'exporting', doneBytes });
        await keepPin({ signal });
      }
    });
    progress.update({ ...row, state: 'done', phase: 'done', doneBytes });
  } finally {
    progress.close();
  }
  output.event({
    type: 'summary',
    checkpoint,
    disk: disk.disk,
    output: options.output,
    format: written,
    bytes: doneBytes,
  });
  output.line(
    `Wrote ${options.output} (${written}, ${formatBytes(doneBytes)}) from disk ${String(disk.disk)} of ${checkpoint}.`,
  );
}

/** What the file's name promises counts where nothing else was said. */
function wantedFormat(
  { output: path, format }: ExportOptions,
  output: Output,
): 'raw' | 'qcow2' | undefined {
  if (path === '-') {
    throw new InvalidInput(
      '--output - is not possible: the file is not written from its beginning to its end. Name a file; snapbank mount serves a disk without one.',
    );
  }
  const suffix = /\.(raw|img|qcow2)$/i.exec(path)?.[1]?.toLowerCase();
  if (suffix === undefined) return format;
  const promised = suffix === 'qcow2' ? 'qcow2' : 'raw';
  if (format !== undefined && format !== promised) {
    output.warn(
      `snapbank: warning: ${printable(path)} will hold ${format} (--format), whatever its name says.`,
    );
  }
  return format ?? promised;
}

async function writeNewFile(
  path: string,
  fill: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it exists' : String(error);
    throw new InvalidInput(`${path} cannot be created: ${why}.`, { cause: error });
  });
  try {
    let position = 0;
    await fill(async (bytes) => {
      // Zeros are left out: the file stays as sparse as the disk.
      if (!isZero(bytes)) await writeAll(file, bytes, position);
      position += bytes.length;
    });
    await file.truncate(position);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
