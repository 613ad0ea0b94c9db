/** A request that the cloud answered, or began to. */
export interface LoggedRequest {
  /** Service type as in the catalog: `identity`, `compute`, `image`, `network`, `volumev3`. */
  service: string;
  method: string;
  /** Without the query. */
  path: string;
  query: string;
  /** The status that was answered; 0 when the connection was cut before any answer. */
  status: number;
  /** Bytes of the image that a download was asked for, `[start, end)`; absent for other requests. */
  asked?: { start: number; end: number };
  /** Bytes of the body that were handed to the connection. */
  sentBytes: number;
  projectId?: string;
  /** The fault that was injected, if any. */
  fault?: string;
}

/** What was asked of the cloud, in the order in which the requests came. Bodies and headers are not kept: they hold secrets. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = [];

  get all(): readonly LoggedRequest[] {
    return this.#requests;
  }

  /** Those of this method whose path matches. */
  matching(method: string, path: RegExp): LoggedRequest[] {
    return this.#requests.filter((request) => request.method === method && path.test(request.path));
  }

  /** The ids of the servers that createImage or another action was asked of are in the paths of these. */
  serverActions(serverId?: string): LoggedRequest[] {
    return this.matching('POST', new RegExp(`/servers/${serverId ?? '[^/]+'}/action$`));
  }

  /** The parts of an image that were asked for in downloads that were answered with data, in order of the requests. */
  downloads(imageId: string): { start: number; end: number }[] {
    return this.matching('GET', new RegExp(`/images/${imageId}/file$`))
      .filter((request) => request.status === 200 || request.status === 206)
      .flatMap((request) => (request.asked === undefined ? [] : [request.asked]));
  }

  add(request: LoggedRequest): void {
    this.#requests.push(request);
  }

  clear(): void {
    this.#requests.length = 0;
  }
}
