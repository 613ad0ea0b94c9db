import { link, lstat } from 'node:fs/promises';
import { codeOf } from './directory-errors.ts';
import { type DurableFiles, isFolder } from './directory-files.ts';
import { StoreRefused, WriteOutcomeUnknown } from './errors.ts';

/** The file system has no hard links. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];
/** Refused before anything was done. */
const NOTHING_DONE = [
  'EEXIST',
  'ENOTDIR',
  'EACCES',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EXDEV',
  'ENAMETOOLONG',
  'ELOOP',
];

/**
 * Gives the synced temporary file the name `file` unless that exists: of any number of concurrent calls, from any processes, exactly
 * one gets `true`. Throws `WriteOutcomeUnknown` where the file system fails in a way that leaves it open.
 */
export async function linkIfAbsent(
  files: DurableFiles,
  temporary: string,
  file: string,
): Promise<boolean> {
  let created: boolean;
  try {
    created = await files.inFolderOf(file, () => tryLink(temporary, file));
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || NOTHING_DONE.includes(code)) throw error;
    if (NO_LINKS.includes(code)) throw noHardLinks(file, error);
    throw outcomeUnknown(file, error);
  }
  try {
    // Also after a lost race: what the caller is told exists must survive a power cut.
    await files.syncFoldersOf(file);
  } catch (error) {
    throw outcomeUnknown(file, error);
  }
  return created;
}

async function tryLink(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || (await isFolder(file))) throw error;
    // A network file system may have repeated a link whose answer was lost: then our file has two names.
    return (await lstat(temporary)).nlink > 1;
  }
}

function noHardLinks(file: string, cause: unknown): StoreRefused {
  return new StoreRefused(
    `${file} could not be created: the file system allows no hard links here, by which one of several writers is chosen. Put the register on another file system (SNAPBANK_REGISTER).`,
    { cause, identifiers: { path: file } },
  );
}

function outcomeUnknown(file: string, cause: unknown): WriteOutcomeUnknown {
  return new WriteOutcomeUnknown(
    `Whether ${file} was created is not known: the file system failed with ${codeOf(cause)}.`,
    { cause, identifiers: { path: file } },
  );
}
