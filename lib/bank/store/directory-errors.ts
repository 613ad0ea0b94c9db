import { SnapbankError } from '../../errors.ts';
import { StoreRefused, StoreUnavailable } from './errors.ts';

/** What a repetition would not change, and what to do about it. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space or raise the quota',
  EACCES: 'permission denied; run as the owner of the directory, or give this user access',
  EPERM: 'not permitted on this file system',
  EROFS: 'the file system is mounted read-only',
  EFBIG: 'the file is larger than the file system or the limit of this user allows',
  ENAMETOOLONG: 'the path is too long for the file system; choose a directory nearer to the root',
  ENOTDIR: 'a file lies where a folder is needed',
  EISDIR: 'a folder lies where a file is needed',
  EEXIST: 'a file lies where a folder is needed',
  ENOTEMPTY: 'a folder lies where a file is needed',
  ELOOP: 'the symbolic links lead in a circle',
  EXDEV: 'the directory must lie in one file system; mount nothing inside it',
};

/** The error number's name, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the error says that there is no such file: also when a file lies where the path has a folder. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The store's error for a fault of the file system; errors of ours and aborts pass through. */
export function directoryError(error: unknown, attempted: string, path: string): Error {
  if (error instanceof SnapbankError || codeOf(error) === undefined) return asError(error);
  const code = codeOf(error) ?? '';
  const refusal = REFUSALS[code];
  const options = { cause: error, identifiers: { path, code } };
  return refusal === undefined
    ? new StoreUnavailable(`${attempted} failed with ${code} at ${path}. Check the disk.`, options)
    : new StoreRefused(`${attempted} failed at ${path}: ${refusal} (${code}).`, options);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
