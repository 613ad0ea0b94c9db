import type { ProxySettings } from './proxy.ts';

export interface HttpOptions {
  /** Connections per host at once; further requests queue. */
  maxSockets?: number;
  /** From the connection being assigned to the first byte of the answer. */
  answerTimeoutMs?: number;
  /** Longest standstill within a body, of the connection, not of whoever feeds or reads it. */
  idleTimeoutMs?: number;
  tls?: TlsOptions;
  proxy?: ProxySettings;
}

export interface TlsOptions {
  /** PEM; in place of the authorities that Node brings. */
  ca?: string;
  cert?: string;
  key?: string;
  /** False: any certificate is believed. */
  verify?: boolean;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Text is sent whole; pieces are streamed with backpressure, and their source is ended whatever happens. */
  body?: string | AsyncIterable<Uint8Array>;
  /** False: on a connection of its own, because one that was kept alive may be closed by the server as the request arrives. */
  idempotent?: boolean;
  answerTimeoutMs?: number;
  signal?: AbortSignal | undefined;
}

export type HttpHeaders = Readonly<Record<string, string>>;

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: HttpHeaders;
  readonly text: string;
}

/** An answer whose body is still to be read: iterate it once (leaving the loop closes the connection), or `discard` it. */
export interface HttpStream {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
  /** Reads the body, at most `mostBytes` of it, as text. */
  text(mostBytes: number): Promise<string>;
}
