import type { IncomingMessage } from 'node:http';

import type { Project, ServiceType } from '../state.ts';
import { Refusal } from './refusal.ts';

/** A request, as a route sees it. */
export interface Call {
  readonly service: ServiceType;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What stands in the path for each `{name}` of the route. */
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly incoming: IncomingMessage;
  /** Whose token came with it; of routes that need none, a project without any rights. */
  readonly project: Project;
  /** The microversion's minor number, of services that have them. */
  microversion: number;
}

/** What is answered: `json`, `text` or part of a file. */
export interface Answer {
  status: number;
  reason?: string;
  headers?: Record<string, string | string[]>;
  json?: unknown;
  text?: string;
  file?: { path: string; start: number; end: number };
}

type Handler = (call: Call) => Answer | Promise<Answer>;

export interface Route {
  method: string;
  /** Such as `/v2/images/{image}/file`. */
  pattern: string;
  handle: Handler;
  /** Needs no token. */
  open?: boolean;
}

/** What the path names for `{name}`. */
export function param(call: Call, name: string): string {
  return call.params[name] ?? '';
}

export function header(call: Call, name: string): string | undefined {
  const value = call.incoming.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

const mostJsonBytes = 4 * 1024 * 1024;

/** The request's body as JSON; 400 where it is none. */
export async function readJson(call: Call): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of call.incoming as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > mostJsonBytes) throw new Refusal(413, 'Request is too large.');
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new Refusal(400, 'Malformed request body');
  }
}
