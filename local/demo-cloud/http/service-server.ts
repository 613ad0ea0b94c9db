import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { RequestFault } from '../faults.ts';
import { newRequestId } from '../identifiers.ts';
import type { LoggedRequest } from '../request-log.ts';
import type { CloudState, Project } from '../state.ts';
import type { Answer, Call } from './call.ts';
import { Refusal } from './refusal.ts';
import { Router } from './router.ts';
import { send } from './send.ts';
import type { Service } from './service.ts';

/** One service, listening on a port of its own. */
export class ServiceServer {
  readonly #service: Service;
  readonly #state: CloudState;
  readonly #router: Router;
  readonly #server: Server;

  constructor(service: Service, state: CloudState) {
    this.#service = service;
    this.#state = state;
    this.#router = new Router(service.routes);
    // Clients keep connections; one that is closed in the moment it is used again would be a fault that nobody asked for.
    const patient = { requestTimeout: 0, keepAliveTimeout: 60_000 };
    this.#server = createServer(patient, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(asError(error)));
    });
  }

  /** Resolves with the base URL. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    const method = request.method ?? 'GET';
    const [rawPath = '/', query = ''] = target.split('?', 2);
    const path = this.#service.canonicalPath?.(rawPath) ?? rawPath;
    const log: LoggedRequest = {
      service: this.#service.type,
      method,
      path: rawPath,
      query,
      status: 0,
      sentBytes: 0,
    };
    this.#state.requests.add(log);
    const requestId = newRequestId();
    const fault = this.#state.faults.ofRequest(this.#service.type, method, target);
    if (fault !== undefined) log.fault = fault.kind;
    if (fault?.kind === 'reset') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'delay') await this.#state.clock.sleep(fault.ms, this.#state.work.signal);
    await this.#state.schedule.settle(target);

    const { clock, settings } = this.#state;
    const { signal } = this.#state.work;
    const sending = { log, clock, signal, downloadLength: settings.images.contentLength, fault };
    const base = { service: this.#service.type, method, path, requestId, incoming: request };
    const answer =
      fault?.kind === 'status'
        ? this.#service.refuse(injected(fault), undefined)
        : await this.#handle({ ...base, query: new URLSearchParams(query) }, log);
    answer.headers = { ...answer.headers, 'X-Openstack-Request-Id': requestId };
    if (fault?.kind !== 'lost-answer') await send(answer, response, sending);
    else if (fault.status === undefined) request.socket.resetAndDestroy();
    else {
      const lost = new Refusal(fault.status, 'The answer was lost.');
      await send(this.#service.refuse(lost, undefined), response, sending);
    }
  }

  async #handle(
    base: Omit<Call, 'params' | 'project' | 'microversion'>,
    log: LoggedRequest,
  ): Promise<Answer> {
    let call: Call | undefined;
    try {
      const found = this.#router.find(base.method, base.path);
      if (found.kind === 'method') {
        const headers = { Allow: found.allowed.join(', ') };
        throw new Refusal(405, 'The method is not allowed for this resource.', { headers });
      }
      if (found.kind === 'none') throw new Refusal(404, 'The resource could not be found.');
      const project = found.route.open === true ? nobody : this.#service.authenticate(base);
      if (project !== nobody) log.projectId = project.id;
      call = { ...base, params: found.params, project, microversion: 0 };
      this.#service.prepare?.(call);
      const answer = await found.route.handle(call);
      if (answer.file !== undefined) {
        log.asked = { start: answer.file.start, end: answer.file.end };
      }
      return this.#service.finish?.(answer, call) ?? answer;
    } catch (error) {
      const refusal =
        error instanceof Refusal
          ? error
          : new Refusal(500, `Unexpected API Error. ${String(error)}`);
      const answer = this.#service.refuse(refusal, call);
      return call === undefined ? answer : (this.#service.finish?.(answer, call) ?? answer);
    }
  }
}

/** Who asks without a token. */
const nobody: Project = {
  id: '',
  name: '',
  userId: '',
  userName: '',
  credential: { id: '', secret: '' },
  credentialExpiresAt: undefined,
  imageQuota: {},
  admin: false,
};

function injected(fault: RequestFault & { kind: 'status' }): Refusal {
  const { status, message = `an injected ${status}`, retryAfterSeconds } = fault;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  return new Refusal(status, message, { headers });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
