/** Structured fields of a log line. Never a secret, a token or a presigned URL. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What library code logs to: Powertools' logger in functions, JSON lines on standard error in the command. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {} };
