import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

// Loaded before the command (`node --import`): the process crashes outside of everything that catches, at the first request that carries
// a token, with an error on which hangs what HTTP libraries hang on theirs.

const how = process.env['SNAPBANK_TEST_CRASH'];
const URL_WITH_SIGNATURE =
  'https://user:canary-in-url@s3.example.org/work/disk?X-Amz-Credential=canary&X-Amz-Signature=canary';
let crashed = false;

subscribe('http.client.request.start', (message) => {
  const { request } = message as { request: ClientRequest };
  if (crashed || request.getHeader('x-auth-token') === undefined) return;
  crashed = true;
  const config = { url: URL_WITH_SIGNATURE, headers: request.getHeaders(), env: process.env };
  const cause = Object.assign(new Error(`connect to ${URL_WITH_SIGNATURE}`), { config, request });
  const error = new TypeError(`GET ${URL_WITH_SIGNATURE} failed`, { cause });
  Object.assign(error, { config, request });
  setImmediate(() => {
    if (how === 'throw') throw error;
    if (how === 'reject') void Promise.reject(error);
    // eslint-disable-next-line no-throw-literal
    if (how === 'throw what is no error') throw config as unknown as Error;
  });
});
