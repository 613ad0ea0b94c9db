import { redactUrls } from './http/redact.ts';

/**
 * What may be shown of an error that is not of snapbank: name, message and stack, without what may be secret in URLs. Libraries hang
 * requests and configurations on theirs, with tokens in them, and whoever prints an error prints these too.
 */
export function bareError(error: Error): Error {
  const bare = new Error(redactUrls(error.message));
  bare.name = error.name;
  bare.stack = redactUrls(error.stack ?? '');
  return bare;
}
