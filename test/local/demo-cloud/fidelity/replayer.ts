import { bodyDifferences, type Difference, headerDifferences } from './compare.ts';
import { type Exchange, exchange } from '../http-exchange.ts';
import { recording } from './recordings.ts';

export interface ReplayOptions {
  /** Sent instead of the recorded body, which was binary. */
  body?: Uint8Array;
  chunked?: boolean;
  /** Whose token is sent; the first project's unless said otherwise. */
  token?: string;
}

const identifier = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;

/** Sends recorded requests to another cloud, where everything has other ids, and notes how the answers differ. */
export class Replayer {
  readonly differences: Difference[] = [];
  readonly replayed = new Set<string>();
  readonly #hosts: Readonly<Record<string, string>>;
  readonly #ids = new Map<string, string>();
  readonly #texts = new Map<string, string>();
  token = '';

  constructor(hosts: Readonly<Record<string, string>>) {
    this.#hosts = hosts;
  }

  /** From now on `recorded` is `actual` in what is sent. */
  learn(recorded: string, actual: string): void {
    this.#ids.set(recorded, actual);
  }

  /** What the recordings call `recorded` here; an id that is not known is one of this cloud's own. */
  actual(recorded: string): string {
    return this.#ids.get(recorded) ?? recorded;
  }

  /** A text in requests that is replaced by another, such as a secret. */
  replaceText(recorded: string, actual: string): void {
    this.#texts.set(recorded, actual);
  }

  async replay(name: string, options: ReplayOptions = {}): Promise<Exchange> {
    const { request, response } = recording(name);
    const answer = await exchange(this.#translate(request.url), {
      method: request.method,
      headers: this.#headersOf(request.headers, options.token ?? this.token),
      ...this.#bodyOf(request.body, options),
      ...(options.chunked === true ? { chunked: true } : {}),
    });
    this.replayed.add(name);
    if (answer.status !== response.status) {
      const { status: actual } = answer;
      this.differences.push({ recording: name, path: 'status', recorded: response.status, actual });
    }
    const found = [
      ...headerDifferences(response.headers, answer.headers),
      ...bodyDifferences(response.body, answer.body),
    ];
    for (const each of found) this.differences.push({ recording: name, ...each });
    this.#learnFrom(response, answer);
    return answer;
  }

  /** Ids that stand at the same place in both answers are the same thing's. */
  #learnFrom(response: { headers: [string, string][]; body: unknown }, answer: Exchange): void {
    this.#learnPairs(response.body, answer.body);
    for (const name of ['location', 'x-openstack-request-id']) {
      this.#learnPairs(headerOf(response.headers, name), headerOf(answer.headers, name));
    }
  }

  #learnPairs(there: unknown, here: unknown): void {
    if (typeof there === 'string' && typeof here === 'string') {
      const actual = here.match(identifier) ?? [];
      for (const [index, id] of (there.match(identifier) ?? []).entries()) {
        const pair = actual[index];
        if (pair !== undefined && !this.#ids.has(id)) this.#ids.set(id, pair);
      }
    } else if (typeof there === 'object' && typeof here === 'object') {
      for (const [key, value] of Object.entries(there ?? {})) {
        this.#learnPairs(value, (here as Record<string, unknown> | null)?.[key]);
      }
    }
  }

  #translate(text: string): string {
    const hosted = text.replace(/127\.0\.0\.1:(\d+)/g, (host) => this.#hosts[host] ?? host);
    const known = hosted.replace(identifier, (id) => this.#ids.get(id) ?? id);
    return [...this.#texts].reduce((all, [from, to]) => all.replaceAll(from, to), known);
  }

  #headersOf(headers: [string, string][], token: string): [string, string][] {
    return headers
      .filter(([name]) => !['Content-Length', 'Transfer-Encoding'].includes(name))
      .map(([name, value]) => [name, value === '<token>' ? token : value]);
  }

  #bodyOf(recorded: unknown, { body }: ReplayOptions): { body?: Uint8Array } {
    if (body !== undefined) return { body };
    if (recorded === null) return {};
    const text = typeof recorded === 'string' ? recorded : JSON.stringify(recorded);
    return { body: Buffer.from(this.#translate(text)) };
  }
}

function headerOf(headers: readonly [string, string][], wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}
