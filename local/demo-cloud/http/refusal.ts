/** Makes a route answer an error; each service gives it its own shape. */
export class Refusal extends Error {
  readonly status: number;
  /** Glance's second paragraph. */
  readonly detail: string;
  readonly headers: Record<string, string>;
  /** The error's type, where a service names it. */
  readonly type: string | undefined;

  constructor(
    status: number,
    message: string,
    options: { detail?: string; type?: string; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.detail = options.detail ?? '';
    this.type = options.type;
    this.headers = options.headers ?? {};
  }
}
