import type { ApplicationCredential, DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import { type Exchange, exchange } from './http-exchange.ts';

type Body = Record<string, unknown>;

export interface Options {
  json?: unknown;
  bytes?: Uint8Array;
  headers?: Record<string, string>;
  /** Compute microversion (default 2.93). */
  microversion?: string;
}

/** A client that hides nothing: for what the demo cloud itself is asked in its tests. */
export class Api {
  readonly cloud: DemoCloud;
  token = '';

  private constructor(cloud: DemoCloud) {
    this.cloud = cloud;
  }

  /** With a token of the cloud's first project, or of the credential's. */
  static async of(cloud: DemoCloud, credential?: ApplicationCredential): Promise<Api> {
    const api = new Api(cloud);
    await api.authenticate(credential);
    return api;
  }

  async authenticate(credential = this.cloud.applicationCredential): Promise<Exchange> {
    const methods = ['application_credential'];
    const identity = { methods, application_credential: credential };
    const json = { auth: { identity } };
    const answer = await this.ask('POST', `${this.cloud.authUrl}/auth/tokens`, { json });
    this.token = headerOf(answer, 'x-subject-token') ?? '';
    return answer;
  }

  ask(method: string, url: string, options: Options = {}): Promise<Exchange> {
    const { json, bytes, headers = {}, microversion = '2.93' } = options;
    const body = json === undefined ? bytes : Buffer.from(JSON.stringify(json));
    const type = json === undefined ? 'application/octet-stream' : 'application/json';
    const all = {
      'X-Auth-Token': this.token,
      'OpenStack-API-Version': `compute ${microversion}`,
      ...(body === undefined ? {} : { 'Content-Type': type }),
      ...headers,
    };
    return exchange(url, {
      method,
      headers: Object.entries(all),
      ...(body === undefined ? {} : { body }),
    });
  }

  compute(method: string, path: string, options?: Options): Promise<Exchange> {
    return this.ask(method, `${this.cloud.endpoints.compute}/v2.1${path}`, options);
  }

  image(method: string, path: string, options?: Options): Promise<Exchange> {
    return this.ask(method, `${this.cloud.endpoints.image}/v2${path}`, options);
  }

  network(method: string, path: string, options?: Options): Promise<Exchange> {
    return this.ask(method, `${this.cloud.endpoints.network}/v2.0${path}`, options);
  }

  volume(method: string, path: string, options?: Options): Promise<Exchange> {
    const { volumev3 } = this.cloud.endpoints;
    return this.ask(method, `${volumev3}/v3/${this.cloud.projectId}${path}`, options);
  }

  async server(id: string): Promise<Body> {
    const { body } = await this.compute('GET', `/servers/${id}`);
    return (body as { server: Body }).server;
  }

  async imageOf(id: string): Promise<Body> {
    return (await this.image('GET', `/images/${id}`)).body as Body;
  }

  /** Asks for a snapshot; resolves with the image's id. */
  async createImage(serverId: string, name = 'snapshot'): Promise<string> {
    const json = { createImage: { name } };
    const { status, body } = await this.compute('POST', `/servers/${serverId}/action`, { json });
    if (status !== 202) throw new Error(`createImage: ${status} ${JSON.stringify(body)}`);
    return (body as { image_id: string }).image_id;
  }

  async untilImage(id: string, status: string): Promise<Body> {
    await until(async () => (await this.imageOf(id))['status'] === status);
    return this.imageOf(id);
  }

  async download(id: string): Promise<Buffer> {
    const { status, bytes } = await this.image('GET', `/images/${id}/file`);
    if (status !== 200) throw new Error(`download: ${status}`);
    return bytes;
  }
}

/** Asks until it is so. The cloud answers only when it has news, so nothing sleeps here. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempts = 0; attempts < 500; attempts += 1) if (await isSo()) return;
  throw new Error('it never became so');
}

export function headerOf(answer: Exchange, wanted: string): string | undefined {
  return answer.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}
