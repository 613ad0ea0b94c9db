import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { isKey } from './arguments.ts';
import { isMissing } from './directory-errors.ts';
import { type DurableFiles, exists, removeTemporary, writeAll } from './directory-files.ts';
import { UploadIncomplete, UploadNotFound } from './errors.ts';
import type { Part, Upload } from './object-store.ts';

/**
 * Large objects of a directory store while they are written: one folder per upload, with a sparse file that every part is written
 * into at its place, and a note per part that is on the disk. The file gets the object's name at the end.
 *
 *     .uploads/<id>/upload   key and date
 *     .uploads/<id>/data
 *     .uploads/<id>/<n>      offset and length of part n
 */
export interface DirectoryUploads {
  start(key: string): Promise<string>;
  putPart(upload: Upload, part: Part, bytes: Uint8Array): Promise<void>;
  complete(upload: Upload, partCount: number): Promise<void>;
  abort(upload: Upload): Promise<void>;
  list(): AsyncGenerator<Upload & { startedAt: Date }>;
}

export function directoryUploads(
  root: string,
  files: DurableFiles,
  clock: Clock,
): DirectoryUploads {
  const folderOf = (uploadId: string) => join(root, '.uploads', uploadId);

  const read = async (uploadId: string) => {
    const [key = '', startedAt = ''] = (await textOf(join(folderOf(uploadId), 'upload'))).split(
      '\n',
    );
    return isKey(key) ? { key, uploadId, startedAt: new Date(startedAt) } : undefined;
  };

  const isKnown = async ({ key, uploadId }: Upload) =>
    /^[0-9a-f]{32}$/.test(uploadId) && (await read(uploadId))?.key === key;

  const unknown = ({ key, uploadId }: Upload) =>
    new UploadNotFound(
      `No upload ${uploadId} of ${key} in ${root}: it was aborted or never started.`,
      {
        identifiers: { key, uploadId },
      },
    );

  const abort = async (upload: Upload) => {
    if (await isKnown(upload)) await files.discard(folderOf(upload.uploadId));
  };

  return {
    async start(key) {
      const uploadId = randomBytes(16).toString('hex');
      const draft = await files.temporaryPath();
      const text = Buffer.from(`${key}\n${new Date(clock.now()).toISOString()}\n`);
      try {
        await files.inFolderOf(join(draft, 'data'), async () => {
          await (await open(join(draft, 'data'), 'w', 0o600)).close();
        });
        const note = await files.writeTemporary(text);
        await rename(note, join(draft, 'upload')).catch(async (error: unknown) => {
          await removeTemporary(note);
          throw error;
        });
        await files.inFolderOf(folderOf(uploadId), () => rename(draft, folderOf(uploadId)));
        await files.syncFoldersOf(join(folderOf(uploadId), 'upload'));
      } catch (error) {
        // Under the one name or the other: nobody knows its id.
        await removeTemporary(draft);
        await removeTemporary(folderOf(uploadId));
        throw error;
      }
      return uploadId;
    },

    async putPart(upload, part, bytes) {
      if (!(await isKnown(upload))) throw unknown(upload);
      const folder = folderOf(upload.uploadId);
      const note = await files.writeTemporary(Buffer.from(`${part.offset} ${bytes.length}\n`));
      try {
        const data = await open(join(folder, 'data'), 'r+');
        try {
          await writeAll(data, bytes, part.offset);
          await data.datasync();
        } finally {
          await data.close();
        }
        await rename(note, join(folder, String(part.number)));
      } catch (error) {
        await removeTemporary(note);
        throw isMissing(error) ? unknown(upload) : error;
      }
    },

    async complete(upload, partCount) {
      const target = join(root, upload.key);
      const data = join(folderOf(upload.uploadId), 'data');
      if (!(await isKnown(upload)) || !(await exists(data))) {
        if (!(await exists(target))) throw unknown(upload);
      } else {
        const sizeBytes = await joinedSize(folderOf(upload.uploadId), upload, partCount);
        const file = await open(data, 'r+');
        try {
          await file.truncate(sizeBytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await files.inFolderOf(target, () => rename(data, target));
        await files.syncFoldersOf(target);
      }
      await abort(upload);
    },

    abort,

    async *list() {
      for (const uploadId of await namesOf(join(root, '.uploads'))) {
        const upload = await read(uploadId);
        if (upload !== undefined) yield upload;
      }
    },
  };
}

/** Size of the object that the parts 1..`partCount` make: they are all, and each begins where the one before ends. */
async function joinedSize(folder: string, { key }: Upload, partCount: number): Promise<number> {
  const numbers = (await namesOf(folder)).filter((name) => /^\d+$/.test(name));
  if (numbers.length > partCount) {
    throw new UploadIncomplete(
      `The upload of ${key} has ${numbers.length} parts; it was to be completed with ${partCount}.`,
      { identifiers: { key, partCount } },
    );
  }
  let sizeBytes = 0;
  for (let number = 1; number <= partCount; number++) {
    const [offset, length] = (await textOf(join(folder, String(number)))).split(' ').map(Number);
    if (offset !== sizeBytes || length === undefined) {
      throw new UploadIncomplete(
        `Part ${number} of ${partCount} of the upload of ${key} is missing, or does not begin where the one before it ends.`,
        { identifiers: { key, part: number } },
      );
    }
    sizeBytes += length;
  }
  return sizeBytes;
}

/** The file's text; empty where there is none. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

async function namesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
