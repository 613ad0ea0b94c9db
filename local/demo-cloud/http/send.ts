import { type ServerResponse, STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';

import type { Clock } from '../../../lib/clock.ts';
import type { RequestFault } from '../faults.ts';
import type { LoggedRequest } from '../request-log.ts';
import { bodyOf, spoiled } from './body.ts';
import type { Answer } from './call.ts';

export interface SendOptions {
  log: LoggedRequest;
  clock: Clock;
  signal: AbortSignal;
  fault: RequestFault | undefined;
  /** Whether downloads say how long they are. */
  downloadLength: boolean;
}

/** Writes the answer, spoiled by the fault, as fast as the client takes it. A client that goes away ends it. */
export async function send(
  answer: Answer,
  response: ServerResponse,
  { log, clock, signal, fault, downloadLength }: SendOptions,
): Promise<void> {
  const body = bodyOf(answer);
  const unsized = answer.file !== undefined && !downloadLength;
  log.status = answer.status;
  response.statusCode = answer.status;
  response.statusMessage = answer.reason ?? STATUS_CODES[answer.status] ?? '';
  if (answer.json !== undefined) response.setHeader('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    response.setHeader(name, value);
  }
  if (unsized) {
    response.useChunkedEncodingByDefault = false;
    response.setHeader('Connection', 'close');
  } else {
    const differBy = fault?.kind === 'content-length' ? fault.differBy : 0;
    response.setHeader('Content-Length', body.length + differBy);
  }

  if (fault?.kind === 'stall') response.flushHeaders();
  if (log.method !== 'HEAD') {
    const pieces = spoiled(body, fault, clock, signal);
    try {
      await pipeline(counted(pieces, log), response, { end: false });
    } catch {
      response.destroy();
      return;
    }
  }
  if (fault?.kind === 'stall') return;
  const broken = fault?.kind === 'cut' || fault?.kind === 'content-length';
  if (broken && !unsized) response.socket?.end();
  else response.end();
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  log: LoggedRequest,
): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) {
    log.sentBytes += piece.length;
    yield piece;
  }
}
